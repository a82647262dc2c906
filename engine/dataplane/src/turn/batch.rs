//! The batch: when it is full, how it is taken out for its commit, and what happens once it is stored.

use std::sync::Arc;

use tailrace_core::{
    delta::Delta,
    observe::{progress::Cursor, stats::BatchStats},
    order_log::OrderLog,
    ports::{broker::Output, store::StoreError},
    watermark::InputClock,
};

use crate::{
    arrival::{QueueItem, Source},
    observe::spans::EventSpans,
    turn::{
        bounds::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BATCH_MESSAGES},
        worker::Worker,
    },
};

/// Expired entries deleted with one batch, so that a mass expiry is spread over many.
pub(super) const MAX_EXPIRED: usize = 1_000;

/// A batch taken out for its commit.
#[derive(Debug)]
pub struct Sealed {
    /// What it changes.
    pub delta: Arc<Delta>,
    /// What it publishes.
    pub outputs: Vec<Output>,
    /// What it counts.
    pub stats: BatchStats,
    /// The spans of its events that are traced.
    pub traced: Vec<EventSpans>,
    /// Up to where it comes; `commit_sequence` is still that of the commit before.
    pub cursor: Cursor,
    /// The clock of the input at its position.
    pub clock: InputClock,
    /// In which order it came about.
    pub order: OrderLog,
}

impl Worker {
    /// Whether nothing has been processed since the last seal.
    pub fn is_clean(&self) -> bool {
        self.batch_events == 0 && self.processor.effects.is_clean()
    }

    /// Whether the batch has no room for more.
    pub fn is_full(&self) -> bool {
        let effects = &self.processor.effects;
        self.is_crowded
            || self.batch_events >= MAX_BATCH_EVENTS
            || effects.output_count() >= MAX_BATCH_MESSAGES
            || effects.bytes() >= MAX_BATCH_BYTES
    }

    /// For at-most-once: how many queue items make up the next batch, `most` of them at most, and the cursor
    /// and the clock of the input behind them.
    pub fn claim(&self, most: usize) -> (usize, Cursor, InputClock) {
        let (mut claim, mut clock) = (self.cursor, &self.clock);
        let mut count = 0;
        for delivery in self.queue.iter().take(most.min(MAX_BATCH_EVENTS as usize)) {
            count += 1;
            match delivery {
                QueueItem::Mark(sequence, at) if *sequence >= claim.position => {
                    (claim.position, clock) = (*sequence, at);
                }
                QueueItem::Barrier(_) | QueueItem::Row(_) | QueueItem::Mark(..) => {}
                // It is claimed with what it has deleted, and so is what comes behind it.
                QueueItem::Delete(..) => break,
                QueueItem::Event(arrival) if arrival.source == Source::Input => {
                    if arrival.sequence > claim.position {
                        (claim.position, clock) = (arrival.sequence, &arrival.clock);
                    }
                }
                QueueItem::Event(arrival) => {
                    claim.redrive_position = claim.redrive_position.max(arrival.sequence);
                }
            }
        }
        claim.watermark_ms = claim.watermark_ms.max(clock.watermark_ms);
        (count, claim, clock.clone())
    }

    /// Takes the batch out for its commit.
    pub fn seal(&mut self) -> Result<Sealed, StoreError> {
        let watermark_ms = self.cursor.watermark_ms;
        self.processor.effects.expire(watermark_ms, MAX_EXPIRED)?;
        if let Some(imposed) = &mut self.imposed {
            self.processor.sweeps.impose(imposed.swept.take());
        }
        let swept = self.processor.sweep_tables()?;
        self.processor.effects.tell_time(watermark_ms);
        self.processor.stats.counts.late_updates += self.processor.effects.take_late();
        self.cursor.commit += 1;
        let (delta, outputs) = self.processor.effects.seal(self.cursor.commit);
        self.cursor.outcomes.add(&self.processor.stats.counts.outcomes);
        let delivery = self.processor.plan.manifest.delivery;
        self.cursor.outcomes.loose += u64::from(delivery != tailrace_core::manifest::Delivery::ExactlyOnce);
        self.batch_events = 0;
        self.is_crowded = false;
        Ok(Sealed {
            outputs,
            stats: std::mem::take(&mut self.processor.stats),
            traced: std::mem::take(&mut self.processor.spans.traced),
            cursor: self.cursor,
            clock: self.clock.clone(),
            order: OrderLog {
                max_message_bytes: self.processor.max_message_bytes as u64,
                told: told(&delta),
                swept,
                ..self.recording.take()
            },
            delta,
        })
    }

    /// The sealed batch is in the state store now, its record in so many parts.
    pub fn applied(&mut self, commit_sequence: u64, parts: u64) {
        self.processor.effects.applied();
        self.cursor.commit_sequence = commit_sequence;
        self.cursor.parts += parts;
    }
}

/// The sketches of which a batch says how late it is, and nothing else.
fn told(delta: &Delta) -> Vec<String> {
    let measured = delta.measured.iter();
    let told = measured.filter(|(_, measured)| measured.updates.is_empty());
    told.map(|(name, _)| name.clone()).collect()
}
