//! How far a partition's commits have come: written by the partition, read by the intake (to
//! acknowledge the input) and by status.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use crate::outcome::OutcomeCounters;

/// Up to where a partition has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Number of the last commit.
    pub commit: u64,
    /// Sequence of its record's last part in the pipeline's stream: what the next one expects.
    pub commit_sequence: u64,
    /// Last sequence of the input.
    pub position: u64,
    /// Last sequence of the redrive subject.
    pub redrive_position: u64,
    /// Event-time clock.
    pub watermark_ms: u64,
    /// What the events came to since the first commit.
    pub outcomes: OutcomeCounters,
    /// Parts of all records up to the last commit.
    pub parts: u64,
}

/// Shared between a partition and its readers. Positions only grow.
#[derive(Debug, Default)]
pub struct Progress {
    position: AtomicU64,
    /// Up to here there is nothing for the partition, committed or not.
    seen: AtomicU64,
    redrive_position: AtomicU64,
    commit: AtomicU64,
    watermark_ms: AtomicU64,
    /// Wakes the intake, which serves all partitions of the pipeline.
    moved: Arc<Notify>,
}

impl Progress {
    /// At the beginning, waking this intake.
    pub fn new(moved: Arc<Notify>) -> Self {
        Self {
            moved,
            ..Self::default()
        }
    }

    /// A commit is durable and applied.
    pub fn advance(&self, cursor: &Cursor) {
        self.commit.store(cursor.commit, Ordering::Release);
        self.watermark_ms.fetch_max(cursor.watermark_ms, Ordering::AcqRel);
        self.redrive_position
            .store(cursor.redrive_position, Ordering::Release);
        self.position.store(cursor.position, Ordering::Release);
        self.moved.notify_one();
    }

    /// The partition has nothing uncommitted up to this sequence, at this watermark.
    pub fn see(&self, sequence: u64, watermark_ms: u64) {
        self.watermark_ms.fetch_max(watermark_ms, Ordering::AcqRel);
        self.seen.fetch_max(sequence, Ordering::AcqRel);
    }

    /// Last sequence of the input up to which nothing is left to do here.
    pub fn seen(&self) -> u64 {
        self.position().max(self.seen.load(Ordering::Acquire))
    }

    /// Last committed sequence of the input.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Last committed sequence of the redrive subject.
    pub fn redrive_position(&self) -> u64 {
        self.redrive_position.load(Ordering::Acquire)
    }

    /// The partition's event-time clock.
    pub fn watermark_ms(&self) -> u64 {
        self.watermark_ms.load(Ordering::Acquire)
    }

    /// Number of the last commit.
    pub fn commit(&self) -> u64 {
        self.commit.load(Ordering::Acquire)
    }
}
