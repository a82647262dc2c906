//! What the server's permissions deny. A server that denies something says so once, beside the answers; the request itself
//! gets none. So what it said is kept for a while, to tell a silence from a denial.
//!
//! A server that is given narrower permissions takes subscriptions away, that of answers among them, and gives none back
//! with the permissions. Only a new connection does, so one is tried now and then.
//!
//! Why: docs/decisions/0210-a-denial-is-no-silence.md

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tailrace_core::{
    ports::broker::{Denied, DeniedAct},
    tasks,
};
use tokio::time::Instant;

use crate::handle::WeakHandle;

/// A denial is believed for so long after the server has said it last. What is denied is tried more often.
const BELIEVED: Duration = Duration::from_secs(15);
/// The same after a new connection, on which all subscriptions were asked for again.
const BELIEVED_ANEW: Duration = Duration::from_secs(2);
/// How often a new connection is tried while a subscription is denied.
const TRY_EVERY: Duration = Duration::from_secs(5);
/// Most that are kept: a publisher may be denied on any number of subjects.
const MOST: usize = 64;

/// What was denied, and until when that is believed.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<BTreeMap<Denied, Instant>>);

impl Denials {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<Denied, Instant>> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        seen.retain(|_, until| *until > now);
        seen
    }

    /// The server has said this; gives what it denies, where it says that for the first time.
    pub(crate) fn note(&self, said: &str) -> Option<Denied> {
        let denied = read(said)?;
        let mut seen = self.seen();
        let is_new = !seen.contains_key(&denied);
        if is_new && seen.len() >= MOST {
            return None;
        }
        seen.insert(denied.clone(), Instant::now() + BELIEVED);
        is_new.then_some(denied)
    }

    /// There is a new connection: what is still denied is said at once.
    pub(crate) fn connected(&self) {
        let until = Instant::now() + BELIEVED_ANEW;
        for (denied, believed) in &mut *self.seen() {
            if denied.act == DeniedAct::Subscribe {
                *believed = until;
            }
        }
    }

    /// What is denied.
    pub(crate) fn now(&self) -> Vec<Denied> {
        self.seen().keys().cloned().collect()
    }

    fn has_subscription(&self) -> bool {
        self.seen()
            .keys()
            .any(|denied| denied.act == DeniedAct::Subscribe)
    }
}

/// Tries new connections while a subscription is denied, for as long as somebody keeps the denials.
pub(crate) fn keep_trying(denials: Weak<Denials>, broker: WeakHandle) {
    tasks::spawn(async move {
        loop {
            tokio::time::sleep(TRY_EVERY).await;
            let Some(denials) = denials.upgrade() else { return };
            let Some(client) = broker.client() else { return };
            if denials.has_subscription() {
                // One that has broken down is replaced.
                let _ = client.force_reconnect().await;
            }
        }
    });
}

/// What the server says that it denies.
fn read(said: &str) -> Option<Denied> {
    const BEGINS: &str = "Permissions Violation for ";
    let denied = &said[said.find(BEGINS)? + BEGINS.len()..];
    let act = if denied.starts_with("Publish") {
        DeniedAct::Publish
    } else if denied.starts_with("Subscription") {
        DeniedAct::Subscribe
    } else {
        return None;
    };
    let subject = denied.split('"').nth(1)?;
    // An inbox has another name on every connection.
    let subject = match subject.strip_prefix("_INBOX.") {
        Some(_) => "_INBOX.>",
        None => subject,
    };
    Some(Denied {
        act,
        subject: subject.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_read() {
        let denied = |act, subject: &str| {
            Some(Denied {
                act,
                subject: subject.to_owned(),
            })
        };
        for (said, wanted) in [
            (
                r#"Permissions Violation for Publish to "$JS.API.STREAM.INFO.IN""#,
                denied(DeniedAct::Publish, "$JS.API.STREAM.INFO.IN"),
            ),
            (
                r#"nats: Permissions Violation for Subscription to "_INBOX.x.*" (sid "1")"#,
                denied(DeniedAct::Subscribe, "_INBOX.>"),
            ),
            (
                r#"Permissions Violation for Publish with Reply of "a.b""#,
                denied(DeniedAct::Publish, "a.b"),
            ),
            (r#"Permissions Violation for Import on "x""#, None),
            ("maximum connections exceeded", None),
            ("Permissions Violation for Publish", None),
        ] {
            assert_eq!(read(said), wanted, "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_believed_for_a_while_and_told_once() {
        let denials = Denials::default();
        let said = r#"Permissions Violation for Publish to "tr.shop.x""#;
        assert!(denials.note(said).is_some());
        tokio::time::advance(BELIEVED / 2).await;
        assert!(denials.note(said).is_none());
        tokio::time::advance(BELIEVED / 2).await;
        assert_eq!(denials.now().len(), 1);
        tokio::time::advance(BELIEVED).await;
        assert_eq!(denials.now(), []);
        // What a new connection does not say again is over.
        denials.note(r#"Permissions Violation for Subscription to "_INBOX.a.*""#);
        denials.note(said);
        denials.connected();
        assert!(denials.has_subscription());
        tokio::time::advance(BELIEVED_ANEW).await;
        assert!(!denials.has_subscription() && denials.now().len() == 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_kept_than_can_be_looked_through() {
        let denials = Denials::default();
        for number in 0..10 * MOST {
            denials.note(&format!("Permissions Violation for Publish to \"out.{number}\""));
        }
        assert_eq!(denials.now().len(), MOST);
    }
}
