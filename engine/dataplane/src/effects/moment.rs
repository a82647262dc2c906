//! When and where an event happened, for what is measured of it.

use tailrace_core::{name::Name, series::Group};

/// When and where the event under way happened.
#[derive(Debug, Default)]
pub struct Moment {
    /// Its time.
    pub time_ms: u64,
    /// The watermark with it.
    pub clock_ms: u64,
    /// Whether its time is believed; otherwise nothing hangs on it.
    pub is_believed: bool,
    /// Its group in each grouped sketch.
    pub groups: Vec<(Name, Group)>,
}

impl Moment {
    /// From when on what the event writes lives: its own time, where that is later than the watermark. An entry is
    /// looked at by the watermark, which may still be behind; it must not end before its time is over.
    pub fn from_ms(&self) -> u64 {
        if self.is_believed {
            self.clock_ms.max(self.time_ms)
        } else {
            self.clock_ms
        }
    }
}
