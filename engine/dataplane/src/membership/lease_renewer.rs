//! The lease renewer: it claims this engine's lease ([`claim`](crate::membership::claim)), renews it, and watches
//! those of the others.
//!
//! No clock is compared with another. An engine counts by its own renewals, as they come back through
//! the watch: one whose lease has not been renewed while three of ours were is taken for dead. So
//! while the broker is away nobody renews and nobody dies, and an engine that was stopped for a while
//! finds itself dead to the others and alive again with its next renewal.
//!
//! Why: docs/decisions/0009-leases-and-the-fence.md

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    identity::EngineId,
    membership::{Membership, Unread},
    name::Name,
    ports::registry::Entry,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::membership::{
    claim::{Claim, Held, IdentityTaken, MISSED, PAUSE, RenewError},
    lease::{Holding, holding},
};

/// Keeps one engine's lease.
pub struct LeaseRenewer {
    /// The lease, and who claims it.
    pub claim: Claim,
    /// Ends it: the lease is given up, so that others need not wait.
    pub stop: CancellationToken,
    /// Where the members are shown; none until the lease is this process's and they are known.
    pub members: watch::Sender<Option<Arc<Membership>>>,
}

/// What is known of the leases.
#[derive(Default)]
struct Seen {
    /// Renewals of ours since the lease was last renewed, by engine.
    missed: BTreeMap<EngineId, u32>,
    /// What engines cannot read, where there is any.
    unread: BTreeMap<EngineId, Unread>,
    /// Everything that was there at the beginning has been read, and ours among it.
    complete: bool,
    ours: bool,
}

impl LeaseRenewer {
    /// Claims the lease, and keeps it until it is stopped. It ends before that, and this engine with it, where
    /// another process has it.
    pub async fn run(self) -> Result<(), IdentityTaken> {
        let claimed = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            claimed = self.claim.acquire() => claimed,
        };
        let kept = match claimed {
            Ok(held) => self.keep(held).await,
            Err(taken) => Err(taken),
        };
        // Nothing is this engine's any more.
        self.members.send_replace(None);
        kept
    }

    async fn keep(&self, mut held: Held) -> Result<(), IdentityTaken> {
        let me = &self.claim.me;
        let mut told: Option<String> = None;
        while !self.stop.is_cancelled() {
            let before = held.revision();
            match self.follow(&mut held).await {
                Ok(()) => {}
                Err(RenewError::Taken(taken)) => return Err(taken),
                Err(RenewError::Broker(cause)) => {
                    // Once for each trouble: it is tried four times a second, for as long as the broker is away.
                    let cause = cause.to_string();
                    if held.revision() != before || told.as_ref() != Some(&cause) {
                        tracing::warn!(engine = %me, cause, "the engines' leases cannot be kept; trying again");
                    }
                    told = Some(cause);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        if let Err(cause) = self.claim.give_up(&held).await {
            tracing::debug!(engine = %me, %cause, "the lease could not be given up; it runs out");
        }
        Ok(())
    }

    async fn follow(&self, held: &mut Held) -> Result<(), RenewError> {
        let mut watch = self.claim.leases.watch().await?;
        let mut renew = tokio::time::interval(self.claim.renew_every);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = Seen::default();
        let mut registry = self.claim.registry.clone();
        let mut told = self.claim.unread();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = renew.tick() => self.claim.renew(held).await?,
                // What this engine cannot read any more waits for another one until it is told.
                Ok(()) = registry.changed() => {
                    let unread = self.claim.unread();
                    if unread != told {
                        told = unread;
                        self.claim.renew(held).await?;
                    }
                }
                entry = watch.next() => {
                    let entry = entry?;
                    if let Some(ours) = entry.as_ref().filter(|entry| entry.key == self.claim.me.as_str()) {
                        self.claim.check(held, ours)?;
                    }
                    self.take(&mut seen, entry);
                }
            }
        }
    }

    fn take(&self, seen: &mut Seen, entry: Option<Entry>) {
        let me = &self.claim.me;
        match entry {
            Some(entry) => seen.take(me, &entry),
            None => seen.complete = true,
        }
        if !seen.complete || !seen.ours {
            return;
        }
        let alive = seen.missed.iter().filter(|(_, missed)| **missed < MISSED);
        let membership = Membership {
            me: me.clone(),
            alive: alive.map(|(engine, _)| engine.clone()).collect(),
            unread: seen.unread.clone(),
        };
        self.members.send_if_modified(|shown| {
            let changed = shown.as_deref() != Some(&membership);
            if changed {
                let engines: Vec<_> = membership.alive.iter().map(Name::as_str).collect();
                tracing::info!(engine = %me, alive = engines.join(","), "the engines that share the work");
                for (engine, unread) in &membership.unread {
                    tracing::warn!(%engine, %unread, "an engine cannot read these pipelines; others run them");
                }
                *shown = Some(Arc::new(membership));
            }
            changed
        });
    }
}

impl Seen {
    fn take(&mut self, me: &EngineId, entry: &Entry) {
        let Ok(engine) = Name::new(&entry.key) else {
            return;
        };
        match holding(Some(entry)) {
            Holding::Somebody(lease) if !lease.unread.is_empty() => {
                self.unread.insert(engine.clone(), lease.unread);
            }
            _ => {
                self.unread.remove(&engine);
            }
        }
        if engine == *me {
            self.ours |= entry.value.is_some();
            self.missed
                .values_mut()
                .for_each(|missed| *missed = missed.saturating_add(1));
            self.missed.insert(engine, 0);
        } else if entry.value.is_some() {
            self.missed.insert(engine, 0);
        } else {
            self.missed.remove(&engine);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn entry(key: &str, held: bool) -> Entry {
        Entry {
            key: key.to_owned(),
            value: held.then(Bytes::new),
            revision: 1,
        }
    }

    fn alive(seen: &Seen) -> Vec<&str> {
        let alive = seen.missed.iter().filter(|(_, missed)| **missed < MISSED);
        alive.map(|(engine, _)| engine.as_str()).collect()
    }

    #[test]
    fn an_engine_dies_by_our_renewals_and_not_by_any_clock() {
        let me = Name::new("a").unwrap();
        let mut seen = Seen::default();
        seen.take(&me, &entry("a", true));
        seen.take(&me, &entry("b", true));
        for _ in 0..2 {
            seen.take(&me, &entry("a", true));
        }
        assert_eq!(alive(&seen), ["a", "b"], "two renewals of ours are not enough");
        seen.take(&me, &entry("a", true));
        assert_eq!(alive(&seen), ["a"]);
        seen.take(&me, &entry("b", true));
        assert_eq!(alive(&seen), ["a", "b"], "with its next renewal it is back");
        seen.take(&me, &entry("b", false));
        assert_eq!(alive(&seen), ["a"], "who gives its lease up is gone at once");
    }
}
