//! The tap: a bounded sample of calls, each with the event before it and what came of it.

use serde::Serialize;

use crate::{
    name::Name,
    observe::live::{Bounds, Live},
};

/// Bytes of a payload that a sample shows: enough for most JSON events, and a thousand samples that
/// wait for all watchers of a process stay below 100 MiB.
pub const EXCERPT_BYTES: usize = 1_024;
/// Messages that a sample shows of those that a call emitted.
pub const SHOWN_MESSAGES: usize = 4;
/// Characters of a key, a subject or a reason that a sample shows.
pub const SHOWN_CHARS: usize = 512;

/// What a watcher gets: more a second than a person reads.
pub const BOUNDS: Bounds = Bounds {
    queue: 256,
    per_second: 100,
};

/// A pipeline's tap.
pub type Tap = Live<Sample, Wish>;

impl Default for Tap {
    fn default() -> Self {
        Self::new(BOUNDS)
    }
}

/// What a watcher wants to see; what is left out is not looked at.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Calls of this step only.
    pub step: Option<Name>,
    /// Events with this key only.
    pub key: Option<String>,
}

impl Wish {
    /// Whether a call is wanted.
    pub fn wants(&self, step: &Name, key: &str) -> bool {
        self.step.as_ref().is_none_or(|wanted| wanted == step)
            && self.key.as_deref().is_none_or(|wanted| wanted == key)
    }
}

/// One call of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "TapSample")]
pub struct Sample {
    /// When it was over, milliseconds since the epoch.
    pub time_ms: u64,
    /// The step.
    pub step: Name,
    /// The partition.
    pub partition: u32,
    /// Sequence of the event in the input, or, where `redriven`, of the order to send it again.
    pub sequence: u64,
    /// Whether the event comes from the dead letters.
    pub redriven: bool,
    /// The how manieth try of the event this is, from 1.
    pub attempt: u32,
    /// The event's time.
    pub event_time_ms: u64,
    /// Its subject before the step.
    pub subject: String,
    /// Its key.
    pub key: String,
    /// The publisher's trace, where the event bears one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Its payload before the step.
    pub before: Excerpt,
    /// `forward`, `emit`, `drop`, or `failed`.
    pub verdict: &'static str,
    /// Where it failed: the code that a dead letter would bear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where it failed: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Payloads of the first messages that took the event's place; none where it was forwarded.
    pub after: Vec<Excerpt>,
    /// How many messages there were.
    pub messages: usize,
    /// Fuel that the call used.
    pub fuel: u64,
    /// Wall time of the call.
    pub took_us: u64,
}

/// The beginning of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Excerpt {
    /// As text; what is no UTF-8 is replaced.
    pub text: String,
    /// Bytes of the whole payload.
    pub bytes: usize,
    /// Whether there is more than `text`.
    pub cut: bool,
}

impl Excerpt {
    /// Of a payload.
    pub fn of(payload: &[u8]) -> Self {
        let cut = payload.len() > EXCERPT_BYTES;
        let shown = payload.get(..EXCERPT_BYTES).unwrap_or(payload);
        let mut text = String::from_utf8_lossy(shown).into_owned();
        if cut {
            // The cut may go through a character.
            text.truncate(text.trim_end_matches('\u{fffd}').len());
        }
        Self {
            text,
            bytes: payload.len(),
            cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_text_of_bounded_length_and_says_when_it_is_cut() {
        let whole = Excerpt::of(b"a\xffb");
        assert_eq!(
            (whole.text.as_str(), whole.bytes, whole.cut),
            ("a\u{fffd}b", 3, false)
        );
        let long = format!("a{}", "ä".repeat(EXCERPT_BYTES));
        let cut = Excerpt::of(long.as_bytes());
        assert!(cut.cut && long.starts_with(&cut.text));
        assert_eq!((cut.text.len(), cut.bytes), (EXCERPT_BYTES - 1, long.len()));
    }

    #[test]
    fn a_wish_leaves_out_other_steps_and_keys() {
        let (rank, check) = (Name::new("rank").unwrap(), Name::new("check").unwrap());
        let wish = Wish {
            step: Some(rank.clone()),
            key: Some("7".to_owned()),
        };
        assert!(wish.wants(&rank, "7") && !wish.wants(&check, "7") && !wish.wants(&rank, "8"));
        assert!(Wish::default().wants(&check, ""));
    }
}
