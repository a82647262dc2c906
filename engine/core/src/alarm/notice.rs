//! What is sent when an alarm fires or is over. The body is JSON, and its `id` is the same at every try,
//! so who gets it twice can tell: a notice is sent at least once.

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Tries of a notice: over about two hours.
pub const MAX_TRIES: u32 = 18;
/// Pause after the first try that failed; it doubles,
const FIRST_PAUSE_MS: u64 = 5_000;
/// to at most this.
const LONGEST_PAUSE_MS: u64 = 600_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "AlarmKind")]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The alarm fires.
    Firing,
    /// It is over.
    Resolved,
}

/// The body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Names what happened; the same at every try.
    pub id: String,
    /// What happened.
    pub kind: Kind,
    /// The alarm's name.
    pub rule: String,
    /// Its rule, as it was written.
    pub when: String,
    /// The value that decided; none where the number is not there any more.
    pub value: Option<f64>,
    /// What it is compared with.
    pub threshold: f64,
    /// Since when the rule was broken, milliseconds since the epoch.
    pub since_ms: u64,
    /// When it was decided, milliseconds since the epoch.
    pub at_ms: u64,
    /// The tenant; none for an alarm of an engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
    /// The pipeline; none for an alarm of an engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Name>,
    /// The engine, for an alarm of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Name>,
}

/// Where a notice goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A NATS subject.
    Subject(String),
    /// A web address.
    Webhook(String),
}

/// A notice that has yet to arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsent {
    /// What is sent.
    pub notice: Notice,
    /// Where to.
    pub target: Target,
    /// Tries that failed.
    #[serde(default)]
    pub tries: u32,
    /// Not before.
    #[serde(default)]
    pub not_before_ms: u64,
}

impl Unsent {
    /// A try failed; gives whether there is to be another.
    pub fn failed(&mut self, now_ms: u64) -> bool {
        let pause = FIRST_PAUSE_MS
            .saturating_mul(1 << self.tries.min(16))
            .min(LONGEST_PAUSE_MS);
        self.not_before_ms = now_ms.saturating_add(pause);
        self.tries += 1;
        self.tries < MAX_TRIES
    }
}
