//! One event through the steps, depth first, so that messages keep their order.
//!
//! The unit that is taken back is one call: what a plugin did for an event that it then failed on
//! is rolled back, what the steps before it did stays. A failure that is worth another try takes
//! the whole event back, for it is processed again from the first step.

mod calling;
mod failing;
mod publish;

use super::{
    effects::Moment,
    spans::EventSpans,
    worker::{Arrival, TurnEnd, Worker},
};
use crate::{
    codes::LetterCode,
    event::{Event, Verdict},
    failpoint::{self, Point},
    ledger::Fate,
    ports::plugins::CallFailure,
};

/// Room in a message for the headers that the engine and the broker's protocol add.
const HEADER_ROOM: usize = 8 * 1024;

/// Why the processing of an event stops before its end.
enum Halt {
    /// The turn ends; the event stays in the queue.
    Turn(TurnEnd),
    /// The event causes more than a batch can hold, or a message that the broker cannot take.
    TooMuch { code: LetterCode, reason: String },
}

/// What one event has caused so far.
pub(super) struct Walk<'a> {
    arrival: &'a Arrival,
    /// Time that the plugins see: the event's, but never before the partition's clock.
    now_ms: u64,
    messages: usize,
    calls: u32,
    bytes_before: usize,
    fate: Fate,
    /// Whether messages have taken the event's place on the way.
    emitted: bool,
    /// Its spans, where its trace is followed.
    spans: Option<EventSpans>,
}

impl<'a> Walk<'a> {
    /// At its beginning.
    pub(super) fn at(arrival: &'a Arrival, now_ms: u64, bytes_before: usize) -> Self {
        Self {
            arrival,
            now_ms,
            messages: 0,
            calls: 0,
            bytes_before,
            fate: Fate::default(),
            emitted: false,
            spans: None,
        }
    }
}

impl Worker {
    /// Processes one event into the batch; gives why it must stop, if it must.
    pub(super) fn process(&mut self, arrival: &Arrival, watermark_ms: u64) -> Option<TurnEnd> {
        let now_ms = watermark_ms.max(arrival.event.time_ms);
        let bytes_before = self.effects_mut().bytes();
        let mut walk = Walk::at(arrival, now_ms, bytes_before);
        walk.spans = self.begin_spans(arrival);
        self.effects_mut().arrive(Moment {
            time_ms: arrival.event.time_ms,
            clock_ms: watermark_ms,
            groups: arrival.groups.clone(),
        });
        let mark = self.effects_mut().mark();
        match self.begin(&mut walk) {
            Ok(()) => {}
            Err(Halt::Turn(end)) => {
                let why = format!("{end:?}");
                self.end_spans(walk.spans, "repeated", Some(why));
                return Some(end);
            }
            Err(Halt::TooMuch { code, reason }) => {
                self.effects_mut().roll_back(&mark);
                walk.messages = 0;
                walk.fate = Fate::Dead;
                if let Some(noted) = &mut self.noted {
                    noted.code = Some(code.as_str().to_owned());
                }
                self.dead_letter(&mut walk, &arrival.event, None, code.as_str(), reason, &[], 0);
            }
        }
        self.stats.counts.ledger.enter(walk.fate);
        if let Some(noted) = &mut self.noted {
            noted.fate = walk.fate;
        }
        self.end_spans(walk.spans, walk.fate.as_str(), None);
        failpoint::pass(Point::EventProcessed);
        None
    }

    fn begin_spans(&self, arrival: &Arrival) -> Option<EventSpans> {
        // What a shadow does becomes of nothing, so there is nothing to tell.
        let traced = arrival.traced.as_deref().filter(|_| !self.is_shadow)?;
        let (pipeline, now) = (&self.plan.pipeline, self.clock.monotonic());
        let spans = EventSpans::begin(traced, pipeline, self.partition, arrival, self.attempts, now);
        Some(spans)
    }

    /// They wait with the batch until it is stored.
    fn end_spans(&mut self, spans: Option<EventSpans>, fate: &'static str, failure: Option<String>) {
        if let Some(mut spans) = spans {
            spans.end(self.clock.monotonic(), fate, failure);
            self.stats.traced.push(spans);
        }
    }

    fn begin(&mut self, walk: &mut Walk<'_>) -> Result<(), Halt> {
        let arrival = walk.arrival;
        self.stats.counts.bytes_in += arrival.event.payload.len() as u64;
        if let Some(id) = &arrival.dedup_id {
            let known = self.effects_mut().is_duplicate(id, walk.now_ms);
            if known.map_err(|cause| Halt::Turn(TurnEnd::Failed(cause.to_string())))? {
                walk.fate = Fate::Duplicate;
                return Ok(());
            }
        }
        self.measure(arrival);
        self.enter(walk)
    }

    fn measure(&mut self, arrival: &Arrival) {
        for (name, update) in &arrival.measured {
            self.effects_mut().measure(name, update.clone());
        }
    }

    fn enter(&mut self, walk: &mut Walk<'_>) -> Result<(), Halt> {
        let arrival = walk.arrival;
        if let Some((code, reason)) = &arrival.refused {
            walk.fate = Fate::Rejected;
            self.dead_letter(walk, &arrival.event, None, code.as_str(), reason.clone(), &[], 0);
            return Ok(());
        }
        let first = match &arrival.from_step {
            // A step that this revision no longer has: the event begins again from the first.
            Some(step) => self
                .plan
                .steps
                .iter()
                .position(|s| s.spec.name.as_str() == step)
                .unwrap_or(0),
            None => 0,
        };
        self.step(walk, first, &arrival.event)
    }

    /// Takes an event through the step with this index and those after it.
    fn step(&mut self, walk: &mut Walk<'_>, index: usize, event: &Event) -> Result<(), Halt> {
        if index == self.plan.steps.len() {
            return self.publish_forwarded(walk, event);
        }
        let mark = self.effects_mut().mark();
        let mut call = self.call(walk, index, event)?;
        if matches!(&call.result, Err(CallFailure::Trap(trap)) if !trap.code.may_pass()) {
            // A fresh instance, in case the trap came of what the old one kept in memory.
            self.effects_mut().roll_back(&mark);
            self.stats.counts.retried += 1;
            call = self.call(walk, index, event)?;
        }
        match call.result {
            Ok(Verdict::Forward) => self.step(walk, index + 1, event),
            Ok(Verdict::Drop) => Ok(()),
            Ok(Verdict::Emit(messages)) => self.emit(walk, index, event, messages),
            Err(failure) => self.fail(walk, index, event, failure, call.fuel, &mark),
        }
    }
}
