//! A call that failed: it is taken back, and tried again or ended as the step's policy says.

use std::time::Duration;

use tailrace_core::{
    codes::LetterCode,
    dead_letter::{self, Reason},
    event::{Event, Rejection},
    headers::{MAX_HEADERS_BYTES, headers_bytes},
    manifest::{ErrorPolicy, Fallback},
    name::Name,
    outcome::Outcome,
    ports::{broker::Output, plugins::CallFailure},
    subject,
};

use crate::{
    effects::journal::Mark,
    process::{
        HEADER_ROOM,
        halt::{Halt, TurnEnd},
        processor::{Processor, Role},
        walk::Walk,
    },
};

/// Longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

impl Processor {
    pub(super) fn fail(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        event: &Event,
        failure: CallFailure,
        fuel: u64,
        mark: &Mark,
    ) -> Result<(), Halt> {
        self.effects.roll_back(mark);
        let plan = self.plan.clone();
        let policy = &plan.steps[index].manifest.on_error;
        let (code, reason, backtrace, again) = match failure {
            CallFailure::Engine(cause) => return Err(Halt::Turn(TurnEnd::Failed(cause))),
            CallFailure::Invalid(Rejection { code, reason }) => {
                walk.outcome = Outcome::Rejected;
                if let Some(noted) = &mut self.noted {
                    noted.code.get_or_insert_with(|| code.clone());
                }
                self.dead_letter(walk, event, Some(index), &code, reason, &[], fuel);
                return Ok(());
            }
            CallFailure::Transient(reason) => (LetterCode::Transient.as_str(), reason, Vec::new(), true),
            CallFailure::Trap(trap) => (
                trap.code.as_str(),
                trap.message,
                trap.backtrace,
                trap.code.may_pass(),
            ),
        };
        let tries_again = self.role == Role::Active && self.attempts < policy.retries;
        let is_tried_again = again && tries_again;
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
                walk.outcome = walk.outcome.max(Outcome::Dead);
                self.dead_letter(walk, event, Some(index), code, reason, &backtrace, fuel);
                Ok(())
            }
            Fallback::Drop => {
                walk.failed = true;
                Ok(())
            }
            // What a timer brings is no event that could go on.
            Fallback::Forward if walk.arrival.timer.is_some() && !walk.emitted => {
                walk.failed = true;
                Ok(())
            }
            Fallback::Forward => self.step(walk, index + 1, &in_place_of(event, policy)),
            Fallback::Pause => {
                let step = &plan.steps[index].manifest.name;
                let sequence = walk.arrival.sequence;
                let why = format!("step {step} failed on event {sequence} ({code}): {reason}");
                Err(Halt::Turn(TurnEnd::Pause(why)))
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "all of it is what a dead letter tells")]
    pub(crate) fn dead_letter(
        &mut self,
        walk: &mut Walk<'_>,
        event: &Event,
        index: Option<usize>,
        code: &str,
        reason: String,
        backtrace: &[String],
        fuel: u64,
    ) {
        let step = index.and_then(|index| self.plan.steps.get(index));
        let other = if index.is_some() {
            dead_letter::WINDOWS_STEP
        } else {
            dead_letter::INPUT_STEP
        };
        let mut reason = Reason {
            step: step.map_or(other.to_owned(), |step| step.manifest.name.to_string()),
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
            dedup_id: walk.whole_event_id(),
            timer: walk.arrival.timer.clone().filter(|_| !walk.is_replaced()),
            input: walk.origin().map(Name::to_string),
        };
        // The whole event comes in again, and is read again, so it is kept as it came.
        let is_whole = index.is_none();
        let raw_headers = walk.arrival.raw_headers.as_ref().filter(|_| is_whole);
        let own_headers = raw_headers.unwrap_or(&event.headers);
        let mut headers = dead_letter::headers(own_headers, &reason);
        let limit = self
            .max_message_bytes
            .saturating_sub(HEADER_ROOM + headers_bytes(&headers));
        let whole = is_whole.then(|| walk.arrival.raw.clone());
        let mut payload = whole.unwrap_or_else(|| event.payload.clone());
        if payload.len() > limit {
            self.met_the_limit = true;
            reason.cut_from = Some(payload.len() as u64);
            payload.truncate(limit);
            headers = dead_letter::headers(own_headers, &reason);
        }
        let bytes = headers_bytes(&headers);
        if bytes > MAX_HEADERS_BYTES || bytes + HEADER_ROOM > self.max_message_bytes {
            // The event's own leave no room even for the reason, and a letter that the broker cannot
            // take would be tried for ever.
            headers.retain(|header| header.name == dead_letter::REASON_HEADER);
        }
        self.stats.counts.outcomes.letters += 1;
        // Dead letters are outside the cap on messages: the cap's own outcome is a dead letter.
        let id = self.name_message(walk, "dead:");
        let subject = subject::dead_subject(&self.plan.pipeline);
        self.effects.publish(Output {
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
