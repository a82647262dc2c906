//! What the worker writes down while it fills a batch: the [order log](tailrace_core::order_log) of its record. Each item
//! that is in the batch for good is a step, with the fates that it had.
//!
//! Invariant: what was taken back is not written down. So the log says how the batch came about as if nothing had failed
//! on the way.

use std::sync::Arc;

use tailrace_core::{
    order_log::{Fate, OrderLog, Step},
    ports::store::Full,
    trace::sampling::Sampling,
    watermark::InputClock,
};

use crate::arrival::Reading;

/// The order log of the batch at hand, and what of the batches before decides how it goes on.
#[derive(Debug, Default)]
pub(super) struct Recording {
    log: OrderLog,
    /// Items of the batch.
    pub(super) items: u64,
    /// Whether the last step is a mark that nothing hung on: the next mark says all that it says.
    ends_idle: bool,
    /// Which revision has read the last event.
    pub(super) read_by: Option<u64>,
    /// Of which partitions it was read.
    pub(super) share: Vec<u32>,
    /// Which of its events are traced.
    pub(super) sampling: Option<Sampling>,
    pub(super) canary: Option<u64>,
    pub(super) full: Full,
    /// How the last event of the input was read, in this batch or before.
    pub(super) reading: Option<Arc<Reading>>,
}

impl Recording {
    /// The log of a batch that is sealed; the next one begins.
    pub(super) fn take(&mut self) -> OrderLog {
        let reading = self.reading.take();
        let before = std::mem::take(self);
        self.reading = reading;
        before.log
    }

    /// A mark of the input comes.
    pub(super) fn mark(&mut self, sequence: u64, clock: InputClock) {
        if self.ends_idle {
            self.log.steps.pop();
        }
        self.push(Step::Mark { sequence, clock });
    }

    /// The batch held nothing before the last mark, and holds nothing behind it. An idle partition has many of them.
    pub(super) fn rest(&mut self) {
        self.ends_idle = true;
    }

    /// Something that is no item.
    pub(super) fn push(&mut self, step: Step) {
        self.log.push(step);
        self.ends_idle = false;
    }

    /// An item of the batch, and what became of it.
    pub(super) fn item(&mut self, step: Step, fates: impl IntoIterator<Item = Fate>) {
        self.push(step);
        for fate in fates {
            self.log.push_fate(self.items, fate);
        }
        self.items += 1;
    }
}
