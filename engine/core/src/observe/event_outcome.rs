//! The outcome of an event on one side. It is recorded only where a candidate runs.

use std::time::Duration;

use crate::outcome::Outcome;

/// What an event came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOutcome {
    /// Its outcome.
    pub outcome: Outcome,
    /// Wall time in plugins, over all calls.
    pub took: Duration,
    /// Fuel of all calls.
    pub fuel: u64,
    /// Code of the first call that failed for good.
    pub code: Option<String>,
}

impl EventOutcome {
    /// Whether it counts as an error.
    pub fn is_error(&self) -> bool {
        self.code.is_some() || matches!(self.outcome, Outcome::Dead | Outcome::Rejected)
    }

    /// Its outcome in a word.
    pub fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::Dropped => "drop",
            Outcome::Forwarded => "forward",
            Outcome::Emitted => "emit",
            Outcome::Dead => "dead-letter",
            Outcome::Rejected => "reject",
            Outcome::Duplicate => "duplicate",
            Outcome::Shed => "shed",
        }
    }
}
