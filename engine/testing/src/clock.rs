//! Clocks: tokio's, which a simulation pauses, and one that stands still.

use std::time::Duration;

use tailrace_core::ports::clock::Clock;
use tokio::time::Instant;

/// The wall clock when a [`TokioClock`] starts: a moment in November 2023, the same in every run.
const START_MS: u64 = 1_700_000_000_000;

/// Tokio's clock. Where it is paused, time passes only when every task waits; elsewhere it runs.
pub struct TokioClock {
    started: Instant,
}

impl TokioClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn unix_ms(&self) -> u64 {
        START_MS + self.started.elapsed().as_millis() as u64
    }
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still, one second after the epoch.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoppedClock;

impl Clock for StoppedClock {
    fn unix_ms(&self) -> u64 {
        1_000
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
