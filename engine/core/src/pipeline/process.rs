//! One event through the steps, depth first, so that messages keep their order.
//!
//! The unit that is taken back is one call: what a plugin did for an event that it then failed on
//! is rolled back, what the steps before it did stays. A failure that is worth another try takes
//! the whole event back, for it is processed again from the first step.

use std::time::Duration;

use bytes::Bytes;

use super::{
    dead_letter::{self, Reason},
    effects::{Effects, Mark, Moment},
    hops,
    outgoing::{self, Destination, MAX_HEADERS_BYTES, MAX_SUBJECT_BYTES, headers_bytes},
    plan::Plan,
    spans::EventSpans,
    views::outcome,
    worker::{Arrival, Source, TurnEnd, Worker},
};
use crate::{
    event::{Event, Header, Message, Rejection, Verdict},
    failpoint::{self, Point},
    ledger::Fate,
    ports::{
        broker::Output,
        plugins::{Call, CallFailure, PluginError, Trap, TrapCode},
    },
    spec::{Delivery, ErrorPolicy, Fallback, OutputSpec},
    subject, trace,
};

/// Most messages that one event may cause, over all steps: a batch must be able to hold it.
const MAX_EVENT_MESSAGES: usize = 900;
/// Most calls that one event may cause: a chain in which every step multiplies ends here.
const MAX_EVENT_CALLS: u32 = 2_000;
/// Most bytes that one event may cause, over all steps: the record of a batch must be able to hold it.
const MAX_EVENT_BYTES: usize = 24 * 1024 * 1024;
/// Room in a message for the headers that the engine and the broker's protocol add.
const HEADER_ROOM: usize = 8 * 1024;
/// Longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// Why the processing of an event stops before its end.
enum Halt {
    /// The turn ends; the event stays in the queue.
    Turn(TurnEnd),
    /// The event causes more than a batch can hold, or a message that the broker cannot take.
    TooMuch { code: &'static str, reason: String },
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
                    noted.code = Some(code.to_owned());
                }
                self.dead_letter(&mut walk, &arrival.event, None, code, reason, &[], 0);
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
            self.dead_letter(walk, &arrival.event, None, code, reason.clone(), &[], 0);
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

    fn call(&mut self, walk: &mut Walk<'_>, index: usize, event: &Event) -> Result<Call, Halt> {
        walk.calls += 1;
        if walk.calls > MAX_EVENT_CALLS {
            let reason = format!("the event causes more than {MAX_EVENT_CALLS} calls of plugins");
            return Err(Halt::TooMuch {
                code: "over-cap",
                reason,
            });
        }
        let mut instance = if let Some(instance) = self.instances[index].take() {
            instance
        } else {
            let made = self.plan.steps[index].instantiate();
            made.map_err(|cause| match cause {
                PluginError::Engine(cause) => Halt::Turn(TurnEnd::Failed(cause)),
                cause => Halt::Turn(TurnEnd::Plugin(cause)),
            })?
        };
        let plan = self.plan.clone();
        let step = &plan.steps[index].spec.name;
        self.effects_mut().enter(step.as_str(), walk.now_ms);
        let host = self
            .effects
            .take()
            .expect("the effects are away only during a call");
        let began = self.clock.monotonic();
        let (mut call, host) = instance.process(event, host);
        let took = self.clock.monotonic().saturating_sub(began);
        self.effects = Some(
            host.into_any()
                .downcast::<Effects>()
                .expect("the sandbox gives back the host it was given"),
        );
        if !instance.is_spent() {
            self.instances[index] = Some(instance);
        }
        let lines = self.effects_mut().take_lines();
        if !lines.is_empty() && !self.is_shadow {
            self.show_lines(step, walk.arrival, lines);
        }
        self.stats.counts.fuel += call.fuel;
        if let Some(noted) = &mut self.noted {
            noted.fuel += call.fuel;
            noted.took += took;
        }
        if let Ok(Verdict::Emit(messages)) = &call.result
            && let Err(reason) = self.check_messages(index, messages)
        {
            let trap = Trap {
                code: TrapCode::Misuse,
                message: reason,
                backtrace: Vec::new(),
            };
            call.result = Err(CallFailure::Trap(trap));
        }
        let trapped = matches!(call.result, Err(CallFailure::Trap(_)));
        self.stats.counts.traps += u64::from(trapped);
        self.stats.call(step.as_str(), took, call.fuel, trapped);
        self.show_call(walk.arrival, step, event, &call, took);
        if let Some(spans) = &mut walk.spans {
            let (_, code, reason) = outcome(&call);
            let failure = code.as_deref().map(|code| (code, reason.unwrap_or_default()));
            spans.step(step, began, took, call.fuel, failure);
        }
        if self.effects_mut().bytes().saturating_sub(walk.bytes_before) > MAX_EVENT_BYTES {
            let reason = format!("the event causes more than {MAX_EVENT_BYTES} bytes of effects");
            return Err(Halt::TooMuch {
                code: "over-cap",
                reason,
            });
        }
        Ok(call)
    }

    fn check_messages(&self, index: usize, messages: &[Message]) -> Result<(), String> {
        let output = self.plan.spec.output.as_ref().map(OutputSpec::pattern);
        let is_last = index + 1 == self.plan.steps.len();
        let destination = match &output {
            _ if !is_last => Destination::Step,
            Some(pattern) => Destination::Output(pattern),
            None => Destination::Nowhere,
        };
        messages
            .iter()
            .try_for_each(|message| outgoing::check(message, destination))
    }

    fn emit(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        event: &Event,
        messages: Vec<Message>,
    ) -> Result<(), Halt> {
        let last = index + 1 == self.plan.steps.len();
        walk.emitted = true;
        for message in messages {
            let key = message.key.unwrap_or_else(|| event.key.clone());
            if last {
                self.publish(walk, message.subject, &key, message.headers, message.payload)?;
            } else {
                let subject = message.subject.unwrap_or_else(|| event.subject.clone());
                let Message { headers, payload, .. } = message;
                let next = Event {
                    subject,
                    key,
                    headers,
                    payload,
                    ..*event
                };
                self.step(walk, index + 1, &next)?;
            }
        }
        Ok(())
    }

    fn publish_forwarded(&mut self, walk: &mut Walk<'_>, event: &Event) -> Result<(), Halt> {
        self.publish(
            walk,
            None,
            &event.key,
            event.headers.clone(),
            event.payload.clone(),
        )
    }

    fn publish(
        &mut self,
        walk: &mut Walk<'_>,
        subject: Option<String>,
        key: &str,
        mut headers: Vec<Header>,
        payload: Bytes,
    ) -> Result<(), Halt> {
        let reached = if walk.emitted {
            Fate::Emitted
        } else {
            Fate::Forwarded
        };
        walk.fate = walk.fate.max(reached);
        let plan = self.plan.clone();
        let Some(output) = &plan.spec.output else {
            return Ok(());
        };
        let ours = walk.spans.as_ref().map(EventSpans::context);
        trace::hand_on(&walk.arrival.event.headers, ours, &mut headers);
        hops::hand_on(&walk.arrival.event.headers, &mut headers);
        self.check_size(&headers, &payload)?;
        let subject = subject.unwrap_or_else(|| output.subject_for(key));
        if subject.len() > MAX_SUBJECT_BYTES {
            let (bytes, most) = (subject.len(), MAX_SUBJECT_BYTES);
            return Err(Halt::TooMuch {
                code: "too-large",
                reason: format!(
                    "with the event's key, output.subject has {bytes} bytes; at most {most} are taken"
                ),
            });
        }
        self.stats.counts.ledger.outputs += 1;
        self.stats.counts.bytes_out += payload.len() as u64;
        let keep = output.keep.age.map(|age| age.0);
        let id = self.next_id(walk)?;
        self.effects_mut().publish(Output {
            subject,
            headers,
            payload,
            id,
            keep,
        });
        Ok(())
    }

    fn check_size(&self, headers: &[Header], payload: &Bytes) -> Result<(), Halt> {
        outgoing::check_headers(headers).map_err(|reason| Halt::TooMuch {
            code: "too-large",
            reason,
        })?;
        let size = payload.len() + headers_bytes(headers);
        let limit = self.max_message_bytes.saturating_sub(HEADER_ROOM);
        if size <= limit {
            return Ok(());
        }
        let reason = format!(
            "a message of {size} bytes is too large: the broker's max_payload leaves room for {limit}"
        );
        Err(Halt::TooMuch {
            code: "too-large",
            reason,
        })
    }

    /// The name of the next message, within the cap.
    fn next_id(&self, walk: &mut Walk<'_>) -> Result<Option<String>, Halt> {
        if walk.messages >= MAX_EVENT_MESSAGES {
            let reason = format!("the event causes more than {MAX_EVENT_MESSAGES} messages");
            return Err(Halt::TooMuch {
                code: "over-cap",
                reason,
            });
        }
        let source = match walk.arrival.source {
            Source::Input => "",
            Source::Redrive => "redrive-",
        };
        Ok(self.name_message(walk, source))
    }

    /// Names a message the same at every try: `<pipeline>:<sequence>:<k>`. An atomic batch is stored
    /// once, and its messages need no names.
    fn name_message(&self, walk: &mut Walk<'_>, kind: &str) -> Option<String> {
        let number = walk.messages;
        walk.messages += 1;
        let Plan { pipeline, spec, .. } = &*self.plan;
        let sequence = walk.arrival.sequence;
        (spec.delivery != Delivery::ExactlyOnce).then(|| format!("{pipeline}:{kind}{sequence}:{number}"))
    }

    fn fail(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        event: &Event,
        failure: CallFailure,
        fuel: u64,
        mark: &Mark,
    ) -> Result<(), Halt> {
        self.effects_mut().roll_back(mark);
        let plan = self.plan.clone();
        let policy = &plan.steps[index].spec.on_error;
        let (code, reason, backtrace, again) = match failure {
            CallFailure::Engine(cause) => return Err(Halt::Turn(TurnEnd::Failed(cause))),
            CallFailure::Invalid(Rejection { code, reason }) => {
                walk.fate = Fate::Rejected;
                if let Some(noted) = &mut self.noted {
                    noted.code.get_or_insert_with(|| code.clone());
                }
                self.dead_letter(walk, event, Some(index), &code, reason, &[], fuel);
                return Ok(());
            }
            CallFailure::Transient(reason) => ("transient", reason, Vec::new(), true),
            CallFailure::Trap(trap) => (
                trap.code.as_str(),
                trap.message,
                trap.backtrace,
                trap.code.may_pass(),
            ),
        };
        let is_tried_again = again && self.attempts < policy.retries;
        if let Some(noted) = self.noted.as_mut().filter(|_| !is_tried_again) {
            noted.code.get_or_insert_with(|| code.to_owned());
        }
        if is_tried_again {
            let pause = backoff(policy.backoff.0, self.attempts);
            self.attempts += 1;
            return Err(Halt::Turn(TurnEnd::Retry(pause)));
        }
        match policy.then {
            Fallback::DeadLetter => {
                walk.fate = walk.fate.max(Fate::Dead);
                self.dead_letter(walk, event, Some(index), code, reason, &backtrace, fuel);
                Ok(())
            }
            Fallback::Drop => Ok(()),
            Fallback::Forward => self.step(walk, index + 1, &in_place_of(event, policy)),
            Fallback::Pause => {
                let step = &plan.steps[index].spec.name;
                let sequence = walk.arrival.sequence;
                let why = format!("step {step} failed on event {sequence} ({code}): {reason}");
                Err(Halt::Turn(TurnEnd::Pause(why)))
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "all of it is what a dead letter tells")]
    pub(super) fn dead_letter(
        &mut self,
        walk: &mut Walk<'_>,
        event: &Event,
        index: Option<usize>,
        code: &str,
        reason: String,
        backtrace: &[String],
        fuel: u64,
    ) {
        let step = index.map(|index| &self.plan.steps[index]);
        let mut reason = Reason {
            step: step.map_or(dead_letter::INPUT_STEP.to_owned(), |step| {
                step.spec.name.to_string()
            }),
            code: code.to_owned(),
            reason,
            plugin: step.map(|step| step.digest),
            revision: self.plan.revision,
            fuel,
            attempts: self.attempts + 1,
            backtrace: backtrace.to_vec(),
            sequence: event.sequence,
            time_ms: event.time_ms,
            subject: event.subject.clone(),
            key: event.key.clone(),
            cut_from: None,
        };
        let mut headers = dead_letter::headers(event, &reason);
        let limit = self
            .max_message_bytes
            .saturating_sub(HEADER_ROOM + headers_bytes(&headers));
        let mut payload = event.payload.clone();
        if payload.len() > limit {
            reason.cut_from = Some(payload.len() as u64);
            payload.truncate(limit);
            headers = dead_letter::headers(event, &reason);
        }
        let bytes = headers_bytes(&headers);
        if bytes > MAX_HEADERS_BYTES || bytes + HEADER_ROOM > self.max_message_bytes {
            // The event's own leave no room even for the reason, and a letter that the broker cannot
            // take would be tried for ever.
            headers.retain(|header| header.name == dead_letter::REASON_HEADER);
        }
        self.stats.counts.ledger.letters += 1;
        // Dead letters are outside the cap on messages: the cap's own outcome is a dead letter.
        let id = self.name_message(walk, "dead:");
        let subject = subject::dead_subject(&self.plan.pipeline);
        self.effects_mut().publish(Output {
            subject,
            headers,
            payload,
            id,
            keep: None,
        });
    }
}

/// What goes on behind a step that failed: the event, or the payload that its policy names.
fn in_place_of(event: &Event, policy: &ErrorPolicy) -> Event {
    let mut event = event.clone();
    if let Some(payload) = &policy.payload {
        event.payload = payload.to_string().into();
    }
    event
}

/// Doubles with each try. The jitter is added where the pause is made, for this is a pure function.
fn backoff(first: Duration, attempts: u32) -> Duration {
    first.saturating_mul(1 << attempts.min(16)).min(MAX_BACKOFF)
}
