//! What the broker's permissions keep the engine from.

use std::fmt;

use crate::subject;

/// What is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeniedAct {
    /// To publish there.
    Publish,
    /// To subscribe there.
    Subscribe,
}

/// The engine's user may not do this with a subject, as the broker has said a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// What.
    pub act: DeniedAct,
    /// Where.
    pub subject: String,
}

/// Subjects on which the engine does its own work. On others it publishes what is a pipeline's.
const ENGINES: [&str; 5] = ["$JS.", "$KV.", "$O.", "_INBOX", "tr._"];

impl Denied {
    /// Whether it keeps the engine from its own work, and not one pipeline from its outputs.
    pub fn is_engines(&self) -> bool {
        self.act == DeniedAct::Subscribe || ENGINES.iter().any(|begins| self.subject.starts_with(begins))
    }

    /// Whether it is about one of these subjects.
    pub fn is_about(&self, subjects: &[String]) -> bool {
        subjects
            .iter()
            .any(|pattern| subject::overlap(pattern, &self.subject))
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (act, list) = match self.act {
            DeniedAct::Publish => ("publish to", "publish"),
            DeniedAct::Subscribe => ("subscribe to", "subscribe"),
        };
        write!(
            f,
            "the broker does not allow the engine's user to {act} {:?}; give its NATS user or account that subject back (permissions, {list}) and reload the server; it goes on by itself",
            self.subject
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_subject_is_the_engines_or_a_pipelines() {
        let denied = |act, subject: &str| Denied {
            act,
            subject: subject.to_owned(),
        };
        let output = denied(DeniedAct::Publish, "shop.out.u1");
        assert!(!output.is_engines());
        assert!(output.is_about(&["tr.shop.x.>".to_owned(), "shop.out.*".to_owned()]));
        assert!(!output.is_about(&["shop.other.*".to_owned()]));
        assert!(denied(DeniedAct::Publish, "$JS.API.STREAM.INFO.IN").is_engines());
        let inbox = denied(DeniedAct::Subscribe, "_INBOX.abc.*");
        assert!(inbox.is_engines());
        let text = inbox.to_string();
        assert!(
            text.contains("subscribe to \"_INBOX.abc.*\"") && text.contains("permissions"),
            "{text}"
        );
    }
}
