//! How many spans wait for the collector: a limiter before the library's queue, and a count of each batch
//! behind it.
//!
//! Why: docs/decisions/0036-a-counted-queue-before-the-exporter.md

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use tailrace_core::ports::tracer::SpanCounts;

/// Counts spans in and out.
#[derive(Debug)]
pub(super) struct SpanLimiter {
    room: usize,
    waiting: AtomicUsize,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl SpanLimiter {
    /// For so many spans.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            waiting: AtomicUsize::new(0),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Whether there is room for one more; where there is none, it is counted.
    pub(super) fn enter(&self) -> bool {
        if self.waiting.fetch_add(1, Ordering::AcqRel) < self.room {
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        self.dropped.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn leave(&self, spans: usize, taken: bool) {
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        let counter = if taken { &self.exported } else { &self.failed };
        counter.fetch_add(spans as u64, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> SpanCounts {
        SpanCounts {
            exported: self.exported.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

/// An exporter behind a limiter.
pub(super) struct LimitedExporter<E> {
    exporter: E,
    limiter: Arc<SpanLimiter>,
}

impl<E> LimitedExporter<E> {
    pub(super) fn new(exporter: E, limiter: Arc<SpanLimiter>) -> Self {
        Self { exporter, limiter }
    }
}

impl<E> fmt::Debug for LimitedExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedExporter")
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}

impl<E: SpanExporter> SpanExporter for LimitedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        if let Err(cause) = &result {
            tracing::debug!(%cause, spans, "the collector did not take spans");
        }
        self.limiter.leave(spans, result.is_ok());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limiter_lets_in_what_fits_and_counts_what_it_drops() {
        let limiter = SpanLimiter::new(3);
        let entered = (0..10).filter(|_| limiter.enter()).count();
        assert_eq!((entered, limiter.counts().dropped), (3, 7));
        limiter.leave(2, true);
        limiter.leave(1, false);
        assert!(limiter.enter());
        let expected = SpanCounts {
            exported: 2,
            dropped: 7,
            failed: 1,
        };
        assert_eq!(limiter.counts(), expected);
    }
}
