//! A batch that is done again from its record: the worker takes from it what it would decide otherwise. See
//! [`replay`](crate::replay).

use std::sync::Arc;

use tailrace_core::order_log::{Fate, OrderLog};

use crate::{arrival::Reading, turn::worker::Worker};

impl Worker {
    /// The batch that begins now is the one of this log, and its fates are those that this says.
    pub(crate) fn impose(&mut self, log: &OrderLog) {
        self.processor.effects.told_then = Some(log.told.clone());
        self.imposed = Some(log.clone());
    }

    /// An item begins, or a try of it. In a batch that is done again, the tries that it has had, and how its calls end,
    /// are those of the record.
    pub(super) fn begin_item(&mut self) {
        self.processor.fates.begin();
        let Some(imposed) = &self.imposed else { return };
        let item = self.recording.items;
        let tries = imposed.fates_of(item).find_map(|fate| match fate {
            Fate::Tries(tries) => Some(*tries),
            _ => None,
        });
        let calls = imposed
            .fates_of(item)
            .filter(|fate| matches!(fate, Fate::Call { .. }));
        self.processor.attempts = tries.unwrap_or(0);
        self.processor.fates.impose(calls.cloned().collect());
    }

    /// No candidate is at work from here on.
    pub(crate) fn end_candidate(&mut self) {
        self.running_candidate = None;
    }

    /// Events that are read so go on from the last one: the record says nothing else.
    pub(crate) fn reads_on(&mut self, reading: Arc<Reading>) {
        self.recording.reading = Some(reading);
    }

    /// What is in the queue comes no more.
    pub(crate) fn forget_queue(&mut self) {
        self.queue.clear();
    }

    /// Items of the batch.
    pub(crate) fn items(&self) -> u64 {
        self.recording.items
    }
}
