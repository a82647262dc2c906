//! Barriers in the flow of a pipeline, at which its counts are reconciled (see
//! [`reconcile`](crate::observe::reconcile)).

use std::collections::BTreeMap;

use crate::outcome::OutcomeCounters;

/// What a partition has finished when it comes to a barrier, since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartitionBarrier {
    /// The barrier.
    pub number: u64,
    /// Outcomes of its events.
    pub outcomes: OutcomeCounters,
    /// Queue items whose events were done before.
    pub skipped: u64,
    /// Tries after a first one.
    pub retried: u64,
}

/// A barrier, as the intake makes it.
#[derive(Debug, Clone, Default)]
pub struct Barrier {
    /// Counts the barriers of a run.
    pub number: u64,
    /// First sequence of the input that was read since the barrier before.
    pub from: u64,
    /// Last sequence read.
    pub to: u64,
    /// Messages read between them.
    pub read: u64,
    /// Events handed to each partition since its start.
    pub handed: BTreeMap<u32, u64>,
    /// What the partitions have finished; complete when each has answered.
    pub finished: BTreeMap<u32, PartitionBarrier>,
}
