//! What the edge counts, for metrics and for tests that say "bounded".

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Shared counters of one edge.
#[derive(Debug, Clone, Default)]
pub struct EdgeCounts(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    most: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
}

impl EdgeCounts {
    /// Connections that are served now.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// The most that were served at once.
    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }

    /// Connections that were ever served.
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed at once, because their address had too many.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Connections closed because their client was too slow or broke rules.
    pub fn closed(&self) -> u64 {
        self.0.closed.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        let open = self.0.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(open, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.0.closed.fetch_add(1, Ordering::Relaxed);
    }
}
