//! The clock of a replay.

use std::time::Duration;

use tailrace_core::ports::clock::Clock;

/// Wall time decides nothing here.
pub(super) struct NoClock;

impl Clock for NoClock {
    fn unix_ms(&self) -> u64 {
        0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
