//! One event through the steps, depth first, so that messages keep their order.
//!
//! The unit that is taken back is one call: what a plugin did for an event that it then failed on
//! is rolled back, what the steps before it did stays. A failure that is worth another try takes
//! the whole event back, for it is processed again from the first step.
//!
//! Why: docs/decisions/0016-rollback-of-one-call.md

pub mod calling;
pub mod failing;
pub(crate) mod fates;
pub mod halt;
pub mod processor;
pub mod publish;
pub mod show;
pub mod timer;
pub mod walk;

use calling::Called;
use halt::Halt;
pub use halt::TurnEnd;
use processor::{Processor, Role};
use tailrace_core::{
    dead_letter,
    event::{Event, Verdict},
    failpoint::{self, Point},
    manifest::Remember,
    name::Name,
    outcome::Outcome,
    ports::plugins::{Call, CallFailure},
};
pub(super) use walk::Walk;

use crate::{
    arrival::{Arrival, Source},
    effects::{Effects, journal::Mark, moment::Moment},
    observe::spans::EventSpans,
};

/// Room in a message for the headers that the engine and the broker's protocol add.
pub(crate) const HEADER_ROOM: usize = 8 * 1024;

impl Processor {
    /// Processes one event into the batch; gives why it must stop, if it must.
    pub(super) fn process(&mut self, arrival: &Arrival, watermark_ms: u64) -> Option<TurnEnd> {
        self.process_above(arrival, watermark_ms, None)
    }

    /// The same for a shadow, which reads what it has not written itself in these effects.
    pub(super) fn process_above(
        &mut self,
        arrival: &Arrival,
        watermark_ms: u64,
        below: Option<&Effects>,
    ) -> Option<TurnEnd> {
        let is_believed = match arrival.source {
            Source::Input => !arrival.is_ahead,
            Source::Redrive => self.plan.clock_rule.believes(arrival.event.time_ms, watermark_ms),
        };
        let bytes_before = self.effects.bytes();
        self.fates.begin();
        self.watermark_ms = watermark_ms;
        let mut walk = Walk::at(arrival, watermark_ms, bytes_before);
        walk.below = below;
        walk.spans = self.begin_spans(arrival);
        self.effects.arrive(Moment {
            time_ms: arrival.event.time_ms,
            clock_ms: watermark_ms,
            is_believed,
            groups: arrival.groups.clone(),
        });
        let mark = self.effects.mark();
        let counts_before = self.stats.counts.clone();
        match self.begin(&mut walk) {
            Ok(()) => {}
            Err(Halt::Turn(end)) => {
                let why = format!("{end:?}");
                self.end_spans(walk.spans, "repeated", Some(why));
                return Some(end);
            }
            Err(Halt::TooMuch { code, reason }) => {
                self.effects.roll_back(&mark);
                self.stats.counts.take_back_messages(&counts_before);
                walk.messages = 0;
                walk.outcome = Outcome::Dead;
                if let Some(noted) = &mut self.noted {
                    noted.code = Some(code.as_str().to_owned());
                }
                // One that began behind a step is none of the input's any more.
                let index = self.first_step(arrival);
                self.dead_letter(&mut walk, &arrival.event, index, code.as_str(), reason, &[], 0);
            }
        }
        if arrival.timer.is_none() || arrival.source == Source::Redrive {
            self.stats.counts.outcomes.enter(walk.outcome);
        }
        if let Some(noted) = &mut self.noted {
            noted.outcome = walk.outcome;
        }
        self.end_spans(walk.spans, walk.outcome.as_str(), None);
        failpoint::pass(Point::EventProcessed);
        None
    }

    fn begin_spans(&self, arrival: &Arrival) -> Option<EventSpans> {
        // What a shadow does becomes of nothing, so there is nothing to tell.
        let traced = arrival.traced.as_deref().filter(|_| self.role == Role::Active)?;
        let (pipeline, now) = (&self.plan.pipeline, self.clock.monotonic());
        let spans = EventSpans::begin(traced, pipeline, self.partition, arrival, self.attempts, now);
        Some(spans)
    }

    /// They wait with the batch until it is stored.
    fn end_spans(&mut self, spans: Option<EventSpans>, outcome: &'static str, failure: Option<String>) {
        if let Some(mut spans) = spans {
            spans.end(self.clock.monotonic(), outcome, failure);
            self.spans.traced.push(spans);
        }
    }

    fn begin(&mut self, walk: &mut Walk<'_>) -> Result<(), Halt> {
        let arrival = walk.arrival;
        self.stats.counts.bytes_in += arrival.event.payload.len() as u64;
        if let Some(id) = &arrival.dedup {
            let known = self
                .effects
                .is_duplicate(&arrival.event.key, &id.text, walk.now_ms);
            if known.map_err(|cause| Halt::Turn(TurnEnd::Failed(cause.to_string())))? {
                walk.outcome = Outcome::Duplicate;
                return Ok(());
            }
            if id.remember == Remember::Seen {
                self.effects.remember(&arrival.event.key, &id.text, walk.now_ms);
            }
        }
        self.enter(walk)?;
        self.measure(walk);
        let is_processed = !matches!(walk.outcome, Outcome::Dead | Outcome::Rejected);
        let id = arrival.dedup.as_ref();
        if let Some(id) = id.filter(|id| is_processed && id.remember == Remember::Processed) {
            self.effects.remember(&arrival.event.key, &id.text, walk.now_ms);
        }
        Ok(())
    }

    /// What was accepted is measured: by the step that a sketch names, or by all that the event came to.
    fn measure(&mut self, walk: &Walk<'_>) {
        for measured in &walk.arrival.measured {
            let is_accepted = match &measured.after {
                Some(step) => self.has_accepted(walk, step),
                None => walk.is_accepted(),
            };
            match &measured.update {
                _ if !is_accepted => {}
                Some(update) => self.effects.measure(&measured.sketch, update.clone()),
                None => self.stats.counts.skipped += 1,
            }
        }
    }

    /// By name: beside a canary, the step of another revision may have.
    fn has_accepted(&self, walk: &Walk<'_>, step: &Name) -> bool {
        let mut steps = self.plan.steps.iter().enumerate();
        steps.any(|(index, own)| walk.accepted & (1 << index) != 0 && own.manifest.name == *step)
    }

    fn enter(&mut self, walk: &mut Walk<'_>) -> Result<(), Halt> {
        let arrival = walk.arrival;
        if let Some((code, reason)) = &arrival.refused {
            walk.outcome = Outcome::Rejected;
            self.dead_letter(walk, &arrival.event, None, code.as_str(), reason.clone(), &[], 0);
            return Ok(());
        }
        match (&arrival.timer, self.first_step(arrival)) {
            (Some(_), Some(index)) => self.timer(walk, index),
            (Some(_), None) => {
                self.lose_timer();
                walk.outcome = Outcome::Dropped;
                Ok(())
            }
            // A step that this revision no longer has: the event begins again from the first.
            (None, found) => self.step(walk, found.unwrap_or(0), &arrival.event),
        }
    }

    /// The step that an event begins with which is sent again; none for one that begins with the first.
    fn first_step(&self, arrival: &Arrival) -> Option<usize> {
        let step = arrival.from_step.as_deref()?;
        let mut steps = self.plan.steps.iter();
        let found = steps.position(|own| own.manifest.name.as_str() == step);
        found.or((step == dead_letter::WINDOWS_STEP).then_some(self.plan.steps.len()))
    }

    /// Takes an event through the step with this index and those after it.
    fn step(&mut self, walk: &mut Walk<'_>, index: usize, event: &Event) -> Result<(), Halt> {
        if index == self.plan.steps.len() {
            return self.publish_forwarded(walk, event);
        }
        let (mark, call) = self.try_call(walk, index, Called::Event(event))?;
        if call.result.is_ok() {
            walk.accepted |= 1 << index;
        }
        match call.result {
            Ok(Verdict::Forward) => self.step(walk, index + 1, event),
            Ok(Verdict::Drop) => Ok(()),
            Ok(Verdict::Emit(messages)) => self.emit(walk, index, event, messages),
            Err(failure) => self.fail(walk, index, event, failure, call.fuel, &mark),
        }
    }

    /// Calls a step's plugin, unless it is recorded how the call ended.
    fn try_call(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        called: Called<'_>,
    ) -> Result<(Mark, Call), Halt> {
        let mark = self.effects.mark();
        let number = walk.next_call();
        let mut call = match self.fates.end_of(number) {
            Some(call) => call,
            None => self.call_twice(walk, index, called, &mark)?,
        };
        self.fates.note(number, &mut call);
        Ok((mark, call))
    }

    /// Calls a step's plugin; after a trap once more.
    fn call_twice(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        called: Called<'_>,
        mark: &Mark,
    ) -> Result<Call, Halt> {
        let mut call = self.call(walk, index, called)?;
        if matches!(&call.result, Err(CallFailure::Trap(trap)) if !trap.code.may_pass()) {
            // A fresh instance, in case the trap came of what the old one kept in memory.
            self.effects.roll_back(mark);
            self.stats.counts.retried += 1;
            call = self.call(walk, index, called)?;
        }
        Ok(call)
    }
}
