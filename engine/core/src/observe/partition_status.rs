//! What a partition is doing right now.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::Serialize;

use crate::{
    name::Name,
    observe::throttle::By,
    ports::store::{Full, StoredSize},
};

/// A partition.
#[derive(Debug, Default)]
pub struct PartitionStatus {
    pub(super) trouble: Mutex<Option<String>>,
    /// Whether that does not pass by itself at once.
    pub(super) lasts: AtomicBool,
    pub(super) stores_nothing: AtomicBool,
    pub(super) revision: AtomicU64,
    /// Revision of the candidate beside it; 0 for none.
    pub(super) candidate: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) memory_bytes: Mutex<Vec<(Name, u64)>>,
    pub(super) limited: Mutex<Option<ThrottledStatus>>,
    state_bytes: AtomicU64,
    vector_bytes: AtomicU64,
    pub(super) state_full: AtomicBool,
    pub(super) vectors_full: AtomicBool,
}

/// Events are held back, or shed, for want of room under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ThrottledStatus {
    /// Since when, milliseconds since the epoch.
    pub since_ms: u64,
    /// Which limit it was last.
    pub by: By,
}

impl PartitionStatus {
    /// Something keeps it from going on.
    pub fn trouble(&self, reason: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// What keeps it from going on has not passed.
    pub fn trouble_lasts(&self) {
        self.lasts.store(true, Ordering::Release);
    }

    pub(super) fn current_trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The broker has left a commit without an answer, or has no room for it.
    pub fn broker_stores_nothing(&self, reason: String) {
        self.stores_nothing.store(true, Ordering::Release);
        self.trouble(reason);
    }

    /// It has taken this revision up, and this candidate's, 0 for none.
    pub fn adopted(&self, (revision, candidate): (u64, u64)) {
        self.candidate.store(candidate, Ordering::Release);
        self.revision.store(revision, Ordering::Release);
    }

    /// What it still has to do: in its queue, and processed but not committed.
    pub fn has_to_do(&self, events: u64) {
        self.queued.store(events, Ordering::Relaxed);
    }

    /// After a turn: the memory of its plugins, by step.
    pub fn holds(&self, memory_bytes: Vec<(Name, u64)>) {
        *self.memory_bytes.lock().unwrap_or_else(PoisonError::into_inner) = memory_bytes;
    }

    /// After a turn: the limit by which events were held back or shed, if they were.
    pub fn limited(&self, by: Option<By>, now_ms: u64) {
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let since_ms = limited.map_or(now_ms, |limited| limited.since_ms);
        *limited = by.map(|by| ThrottledStatus { since_ms, by });
    }

    /// Its state store has this size.
    pub fn weighs(&self, weight: StoredSize) {
        self.state_bytes.store(weight.state_bytes, Ordering::Relaxed);
        self.vector_bytes.store(weight.vector_bytes, Ordering::Relaxed);
    }

    pub(super) fn weight(&self) -> StoredSize {
        StoredSize {
            state_bytes: self.state_bytes.load(Ordering::Relaxed),
            vector_bytes: self.vector_bytes.load(Ordering::Relaxed),
        }
    }

    /// What its tenant has too much of.
    pub fn full(&self) -> Full {
        Full {
            state: self.state_full.load(Ordering::Relaxed),
            vectors: self.vectors_full.load(Ordering::Relaxed),
        }
    }

    /// It goes on.
    pub fn trouble_over(&self) {
        self.lasts.store(false, Ordering::Release);
        self.stores_nothing.store(false, Ordering::Release);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
