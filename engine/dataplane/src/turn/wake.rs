//! What is due wakes up before the watermark moves past it: timers, and windows that end.
//!
//! Invariant: whatever is due at or before the partition's watermark has woken up, in this batch or before. So a turn
//! that ends in the midst, or a crash, goes on with what is left when the same event or mark comes again.
//!
//! A wake-up counts towards the batch like an event, so any number of them commits as it goes.
//!
//! Why: docs/decisions/0127-a-timer-is-state-and-fires-before-the-watermark-passes.md

use std::time::Duration;

use tailrace_core::{join, ports::store::StoreError};

use crate::{
    effects::timers::timer,
    process::TurnEnd,
    turn::{bounds::MAX_BATCH_MESSAGES, worker::Worker},
};

impl Worker {
    /// Wakes up what is due by then. Says why the turn ends before all of it has.
    pub(super) fn wake(&mut self, watermark_ms: u64, end: Duration) -> Option<TurnEnd> {
        let stop = self.wake_all(watermark_ms, end);
        self.is_waking = matches!(stop, Some(TurnEnd::Full | TurnEnd::SliceOver));
        stop
    }

    /// Whether a turn has ended amid what is due at a moment. Some of it is told then, and some is not, so the rules by
    /// which it waits must stay until all is.
    pub fn is_waking(&self) -> bool {
        self.is_waking
    }

    fn wake_all(&mut self, watermark_ms: u64, end: Duration) -> Option<TurnEnd> {
        if let Err(cause) = self.processor.adopt_rules(self.cursor.watermark_ms) {
            return Some(TurnEnd::Failed(cause.to_string()));
        }
        loop {
            match self.wake_first(watermark_ms) {
                Ok(Woken::Nothing) => return None,
                Ok(Woken::One) => {}
                Ok(Woken::Stopped(stop)) => return Some(stop),
                Err(cause) => return Some(TurnEnd::Failed(cause.to_string())),
            }
            if self.is_full() {
                return Some(TurnEnd::Full);
            }
            if self.processor.clock.monotonic() >= end {
                return Some(TurnEnd::SliceOver);
            }
        }
    }

    /// For a batch that is done again: wakes up the first that is due, whenever that is.
    pub(crate) fn wake_again(&mut self) -> Result<(), String> {
        let adopted = self.processor.adopt_rules(self.cursor.watermark_ms);
        adopted.map_err(|cause| cause.to_string())?;
        match self.wake_first(u64::MAX) {
            Ok(Woken::Stopped(TurnEnd::Backoff(_)) | Woken::One) => Ok(()),
            Ok(Woken::Stopped(end)) => Err(format!("{end:?}")),
            Ok(Woken::Nothing) => Err("nothing is due".to_owned()),
            Err(cause) => Err(cause.to_string()),
        }
    }

    fn wake_first(&mut self, watermark_ms: u64) -> Result<Woken, StoreError> {
        let Some((due, value)) = self.processor.effects.first_due(watermark_ms)? else {
            return Ok(Woken::Nothing);
        };
        self.begin_item();
        let crowded = self.batch_events > 0;
        let mark = self.processor.effects.mark();
        let counts_before = self.processor.stats.counts.clone();
        self.processor.watermark_ms = due.at_ms;
        let halt = if due.is_timer() {
            let timer = timer(&due, &value)?;
            self.processor.effects.forget_timer(&due);
            self.processor.fire(&due.owner, timer)
        } else if join::is_step(&due.owner) {
            self.processor.wake_of_join(&due, &value)?
        } else {
            self.processor.wake_of_window(&due, &value)?;
            None
        };
        self.pay(&counts_before);
        // One that emits more than the batch has room for fires in the next one.
        let overfull = crowded && self.processor.effects.output_count() > MAX_BATCH_MESSAGES;
        self.is_crowded |= halt.is_none() && overfull;
        let halt = halt.or(overfull.then_some(TurnEnd::Full));
        if halt.is_some() {
            self.processor.effects.roll_back(&mark);
            self.processor.stats.counts = counts_before;
        } else {
            self.processor.effects.settle();
            self.record_wake();
            self.processor.attempts = 0;
            self.batch_events += 1;
        }
        Ok(self.with_backoff(halt).map_or(Woken::One, Woken::Stopped))
    }
}

/// What came of waking up the first that is due.
enum Woken {
    /// Nothing is due.
    Nothing,
    /// It is done.
    One,
    /// The turn ends.
    Stopped(TurnEnd),
}
