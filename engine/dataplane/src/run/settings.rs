//! What an operator can set of the data plane.

use std::time::Duration;

/// When a partition's state store is snapshotted, how often counts are reconciled, and how often disk is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of commit records after which a new snapshot is worth its cost.
    pub snapshot_after_bytes: u64,
    /// Commits after which one is made, however small they are: bounds the time of a recovery.
    pub snapshot_after_commits: u64,
    /// Time after which one is made if anything was committed since the last.
    pub snapshot_every: Duration,
    /// How often a pipeline's counts are compared with the broker's.
    pub reconcile_every: Duration,
    /// How often the local store gives disk back; never, where threads that block have no place.
    pub reclaim_every: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            snapshot_after_bytes: 64 * 1024 * 1024,
            snapshot_after_commits: 20_000,
            snapshot_every: Duration::from_hours(1),
            reconcile_every: Duration::from_mins(1),
            reclaim_every: Some(Duration::from_mins(5)),
        }
    }
}
