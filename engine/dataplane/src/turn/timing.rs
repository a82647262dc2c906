//! The clock of the input in a partition: what a mark of it moves, and what becomes of events that are late, or
//! whose time is not believed.
//!
//! Invariant: the watermark of a partition is that of the last event or mark, or what was recorded, if that is
//! later. So it never goes back, and what hangs on it is a function of what is recorded.

use tailrace_core::{
    codes::LetterCode, manifest::Late, outcome::Outcome, ports::store::StoreError, watermark::InputClock,
};

use crate::{
    arrival::{Arrival, Source},
    process::Walk,
    turn::{batch::MAX_EXPIRED, worker::Worker},
};

impl Worker {
    /// Nothing is left for this partition up to this sequence. Where the clock has moved on, what ends by it goes.
    pub(super) fn mark(&mut self, sequence: u64, clock: InputClock) -> Result<(), StoreError> {
        if sequence < self.cursor.position {
            return Ok(());
        }
        let was_clean = self.is_clean();
        self.recording.mark(sequence, clock.clone());
        self.move_clock(sequence, clock)?;
        if was_clean && self.is_clean() {
            self.recording.rest();
        }
        Ok(())
    }

    fn move_clock(&mut self, sequence: u64, clock: InputClock) -> Result<(), StoreError> {
        self.cursor.position = sequence;
        let watermark_ms = clock.watermark_ms;
        self.clock = clock;
        if watermark_ms <= self.cursor.watermark_ms {
            return Ok(());
        }
        self.cursor.watermark_ms = watermark_ms;
        self.processor.effects.expire(watermark_ms, MAX_EXPIRED)?;
        self.processor.effects.tell_time(watermark_ms);
        Ok(())
    }

    /// Counts an event that is late, or whose time is not believed. Says whether it goes no further, because the
    /// manifest has such events dropped, or kept as dead letters.
    pub(super) fn turn_away(&mut self, arrival: &Arrival, watermark_ms: u64, is_shed: bool) -> bool {
        let is_judged = arrival.source == Source::Input && !arrival.skipped && arrival.refused.is_none();
        let code = match arrival.is_ahead {
            _ if !is_judged => return false,
            true => LetterCode::Ahead,
            false if arrival.event.time_ms < watermark_ms => LetterCode::Late,
            false => return false,
        };
        let counts = &mut self.processor.stats.counts;
        match code {
            LetterCode::Ahead => counts.ahead += 1,
            _ => counts.late += 1,
        }
        let late = self.processor.plan.manifest.input.watermark.late;
        if is_shed || late == Late::Process {
            return false;
        }
        counts.bytes_in += arrival.event.payload.len() as u64;
        let outcome = match late {
            Late::Process | Late::Drop => Outcome::Dropped,
            Late::DeadLetter => {
                self.keep(arrival, code, watermark_ms);
                Outcome::Dead
            }
        };
        self.processor.stats.counts.outcomes.enter(outcome);
        true
    }

    fn keep(&mut self, arrival: &Arrival, code: LetterCode, watermark_ms: u64) {
        let time_ms = arrival.event.time_ms;
        let reason = if code == LetterCode::Ahead {
            let ahead_ms = time_ms.saturating_sub(arrival.received_ms);
            format!("the event's time is {ahead_ms} ms after the broker received it")
        } else {
            let behind_ms = watermark_ms.saturating_sub(time_ms);
            format!("the event's time is {behind_ms} ms behind the watermark")
        };
        let mut walk = Walk::at(arrival, watermark_ms, 0);
        self.processor
            .dead_letter(&mut walk, &arrival.event, None, code.as_str(), reason, &[], 0);
    }
}
