//! When and where an event happened, for what is measured of it.

use tailrace_core::{name::Name, series::Group};

/// When and where the event under way happened.
#[derive(Debug, Default)]
pub struct Moment {
    /// Its time.
    pub time_ms: u64,
    /// The event-time clock with it.
    pub clock_ms: u64,
    /// Its group in each grouped sketch.
    pub groups: Vec<(Name, Group)>,
}
