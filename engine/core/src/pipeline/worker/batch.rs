//! The batch: when it is full, how it is taken out for its commit, and what happens once it is stored.

use std::sync::Arc;

use super::{Delivery, Source, Worker};
use crate::{
    delta::Delta,
    ledger::Ledger,
    pipeline::{stats::BatchStats, watermark},
    ports::{broker::Output, store::StoreError},
};

/// Most messages of a batch. The broker takes 1,000 in one atomic batch, and the record needs room:
/// 50 parts of a megabyte are far more than [`MAX_BATCH_BYTES`] can fill.
pub const MAX_BATCH_MESSAGES: usize = 950;
/// Most events of a batch, where they publish little: bounds what a crash does again.
pub const MAX_BATCH_EVENTS: u64 = 2_000;
/// A batch is full when it would publish and write this much.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Expired entries deleted with one batch, so that a mass expiry is spread over many.
const MAX_EXPIRED: usize = 1_000;

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
    pub ledger: Ledger,
    /// Parts of all records up to the last commit.
    pub parts: u64,
}

/// A batch taken out for its commit.
#[derive(Debug)]
pub struct Sealed {
    /// What it changes.
    pub delta: Arc<Delta>,
    /// What it publishes.
    pub outputs: Vec<Output>,
    /// What it counts.
    pub stats: BatchStats,
    /// Up to where it comes; `commit_sequence` is still that of the commit before.
    pub cursor: Cursor,
}

impl Worker {
    /// Whether nothing has been processed since the last seal.
    pub fn is_clean(&self) -> bool {
        self.batch_events == 0 && self.processor.effects.is_clean()
    }

    /// Whether the batch has no room for more.
    pub fn is_full(&self) -> bool {
        let effects = &self.processor.effects;
        self.batch_events >= MAX_BATCH_EVENTS
            || effects.output_count() >= MAX_BATCH_MESSAGES
            || effects.bytes() >= MAX_BATCH_BYTES
    }

    /// For at-most-once: how many deliveries of the queue make up the next batch, `most` of them at
    /// most, and the cursor behind them.
    pub fn claim(&self, most: usize) -> (usize, Cursor) {
        let mut claim = self.cursor;
        let count = self.queue.len().min(MAX_BATCH_EVENTS as usize).min(most);
        for delivery in self.queue.iter().take(count) {
            match delivery {
                Delivery::Cut(_) => {}
                Delivery::Mark(sequence) => claim.position = claim.position.max(*sequence),
                Delivery::Event(arrival) if arrival.source == Source::Input => {
                    claim.position = claim.position.max(arrival.sequence);
                }
                Delivery::Event(arrival) => {
                    claim.redrive_position = claim.redrive_position.max(arrival.sequence);
                }
            }
        }
        (count, claim)
    }

    /// Takes the batch out for its commit.
    pub fn seal(&mut self) -> Result<Sealed, StoreError> {
        let watermark_ms = self.cursor.watermark_ms;
        let events = self.cursor.ledger.events + self.processor.stats.counts.ledger.events;
        let settled_ms = watermark::settled(watermark_ms, events);
        self.processor.effects.expire(settled_ms, MAX_EXPIRED)?;
        self.processor.effects.tell_time(settled_ms);
        self.processor.stats.counts.late += self.processor.effects.take_late();
        let (delta, outputs) = self.processor.effects.seal();
        self.cursor.commit += 1;
        self.cursor.ledger.add(&self.processor.stats.counts.ledger);
        let delivery = self.processor.plan.spec.delivery;
        self.cursor.ledger.loose += u64::from(delivery != crate::spec::Delivery::ExactlyOnce);
        self.batch_events = 0;
        Ok(Sealed {
            delta,
            outputs,
            stats: std::mem::take(&mut self.processor.stats),
            cursor: self.cursor,
        })
    }

    /// The sealed batch is in the image now, its record in so many parts.
    pub fn applied(&mut self, commit_sequence: u64, parts: u64) {
        self.processor.effects.applied();
        self.cursor.commit_sequence = commit_sequence;
        self.cursor.parts += parts;
    }
}
