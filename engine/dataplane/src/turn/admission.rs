//! A partition's admission under the rate limiters: whether the next event is processed, waits or is shed.
//!
//! A shed event is an event with an outcome, entered in the batch like any other: with `exactly-once` the
//! decision is committed with the position, so it is made once. What is shed leaves no trace in state,
//! sketches or the identifiers of `dedup`; sent again, it is new. An event that somebody sends again from the
//! dead letters is never shed: it waits, or it would come back as a dead letter for ever.

use tailrace_core::{
    codes::LetterCode,
    manifest::Over,
    observe::{stats::Counts, throttle::By},
    outcome::Outcome,
};

use crate::{
    arrival::{Arrival, Source},
    limits::{Admission, RateLimiters, Used},
    process::Walk,
    turn::worker::Worker,
};

/// Code of dead letters of events over a limit.
const CODE: &str = LetterCode::RateLimited.as_str();

impl Worker {
    /// Passes these rate limiters from now on.
    #[must_use]
    pub fn limited_by(mut self, limiters: RateLimiters) -> Self {
        self.limiters = limiters;
        self
    }

    /// What an event was held back or shed by since this was last asked.
    pub fn take_limit(&mut self) -> Option<By> {
        self.limited.take()
    }

    /// How many events would pass now; one, where each may be followed by a backoff.
    pub fn room(&self) -> usize {
        if self.backoff.repeats() {
            1
        } else if self.limiters.is_set() {
            usize::try_from(self.limiters.room(self.processor.clock.monotonic())).unwrap_or(usize::MAX)
        } else {
            usize::MAX
        }
    }

    /// Whether an event may be processed. One that has passed is not counted again when it is tried
    /// again.
    pub(crate) fn admit(&mut self, arrival: &Arrival) -> Admission {
        if let Some(imposed) = &self.imposed {
            let shed = imposed.shed(self.recording.items);
            return shed.map_or(Admission::Through, Admission::Away);
        }
        if self.passed || arrival.skipped || !self.limiters.is_set() {
            return Admission::Through;
        }
        let Err(limited) = self.limiters.pass(self.processor.clock.monotonic()) else {
            self.passed = true;
            return Admission::Through;
        };
        self.limited = Some(limited.by);
        let over = self
            .processor
            .plan
            .manifest
            .rate
            .as_ref()
            .map_or(Over::Wait, |rate| rate.over);
        if over == Over::Wait || arrival.source == Source::Redrive {
            Admission::Back(limited.wait)
        } else {
            Admission::Away(limited.by)
        }
    }

    /// Counts what an event came to against the limits; tries that are taken back have cost fuel too.
    pub(crate) fn pay(&self, before: &Counts) {
        if self.limiters.is_set() {
            let now = &self.processor.stats.counts;
            let used = Used {
                outputs: now.outcomes.outputs.saturating_sub(before.outcomes.outputs),
                output_bytes: now.bytes_out.saturating_sub(before.bytes_out),
                fuel: now.fuel.saturating_sub(before.fuel),
            };
            self.limiters.charge(self.processor.clock.monotonic(), used);
        }
    }

    /// Enters a message that is no event, and of which nothing comes.
    pub(crate) fn skip(&mut self, arrival: &Arrival) {
        let counts = &mut self.processor.stats.counts;
        counts.bytes_in += arrival.event.payload.len() as u64;
        counts.markers += 1;
        counts.outcomes.enter(Outcome::Dropped);
    }

    /// Enters an event that is not processed, for want of room under a limit.
    pub(crate) fn shed(&mut self, arrival: &Arrival, by: By) {
        self.processor.stats.counts.bytes_in += arrival.event.payload.len() as u64;
        let over = self
            .processor
            .plan
            .manifest
            .rate
            .as_ref()
            .map_or(Over::Wait, |rate| rate.over);
        let outcome = if over == Over::DeadLetter {
            let mut walk = Walk::at(arrival, arrival.event.time_ms, 0);
            let reason = format!("there was no room under {}", by.as_str());
            self.processor
                .dead_letter(&mut walk, &arrival.event, None, CODE, reason, &[], 0);
            Outcome::Dead
        } else {
            Outcome::Shed
        };
        self.processor.stats.counts.outcomes.enter(outcome);
    }
}
