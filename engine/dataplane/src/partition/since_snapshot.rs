//! What counts towards the next snapshot.

use std::time::Duration;

/// What was committed since the last snapshot.
pub(super) struct SinceSnapshot {
    pub(super) bytes: u64,
    pub(super) commits: u64,
    pub(super) began: Duration,
}
