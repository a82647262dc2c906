//! What an event came to on one side. Noted only where a candidate runs.

use std::time::Duration;

use crate::ledger::Fate;

/// What an event came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Its fate.
    pub fate: Fate,
    /// Wall time in plugins, over all calls.
    pub took: Duration,
    /// Fuel of all calls.
    pub fuel: u64,
    /// Code of the first call that failed for good.
    pub code: Option<String>,
}

impl Noted {
    /// Whether it counts as an error.
    pub fn is_error(&self) -> bool {
        self.code.is_some() || matches!(self.fate, Fate::Dead | Fate::Rejected)
    }

    /// Its fate in a word.
    pub fn verdict(&self) -> &'static str {
        match self.fate {
            Fate::Dropped => "drop",
            Fate::Forwarded => "forward",
            Fate::Emitted => "emit",
            Fate::Dead => "dead-letter",
            Fate::Rejected => "reject",
            Fate::Duplicate => "duplicate",
            Fate::Shed => "shed",
        }
    }
}
