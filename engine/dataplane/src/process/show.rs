//! What is shown of a call. Runs on a guest thread, behind the call.

use std::time::Duration;

use tailrace_core::{
    codes::LetterCode,
    event::{Event, Verdict},
    name::Name,
    observe::{
        logs::Line,
        tap::{Excerpt, SHOWN_CHARS, SHOWN_MESSAGES, Sample},
    },
    ports::plugins::{Call, CallFailure, LogLevel},
    text::plain,
    trace::TraceContext,
};

use crate::{
    arrival::{Arrival, Source},
    process::processor::Processor,
};

impl Processor {
    /// Shows a call to those who watch, if anybody does.
    pub(crate) fn show_call(
        &self,
        arrival: &Arrival,
        step: &Name,
        event: &Event,
        call: &Call,
        took: Duration,
    ) {
        if !self.views.tap.is_watched() {
            return;
        }
        self.views.tap.show(
            self.clock.monotonic(),
            |wish| wish.wants(step, &event.key),
            || self.sample(arrival, step, event, call, took),
        );
    }

    fn sample(&self, arrival: &Arrival, step: &Name, event: &Event, call: &Call, took: Duration) -> Sample {
        let messages: &[_] = match &call.result {
            Ok(Verdict::Emit(messages)) => messages,
            _ => &[],
        };
        let (verdict, code, reason) = outcome(call);
        Sample {
            time_ms: self.clock.unix_ms(),
            step: step.clone(),
            partition: self.partition,
            sequence: arrival.sequence,
            redriven: arrival.source == Source::Redrive,
            attempt: self.attempts + 1,
            event_time_ms: event.time_ms,
            subject: event.subject.chars().take(SHOWN_CHARS).collect(),
            key: event.key.chars().take(SHOWN_CHARS).collect(),
            trace_id: TraceContext::of(&arrival.event.headers).map(|context| context.trace_id),
            before: Excerpt::of(&event.payload),
            verdict,
            code,
            reason: reason.map(|reason| plain(reason, SHOWN_CHARS)),
            after: messages
                .iter()
                .take(SHOWN_MESSAGES)
                .map(|message| Excerpt::of(&message.payload))
                .collect(),
            messages: messages.len(),
            fuel: call.fuel,
            took_us: took.as_micros() as u64,
        }
    }

    /// Hands the lines of a call on: to the engine's log, within whose span the turn runs, and to the tenant.
    pub(crate) fn show_lines(&self, step: &Name, arrival: &Arrival, lines: Vec<(LogLevel, String)>) {
        let (partition, sequence) = (self.partition, arrival.sequence);
        let context = TraceContext::of(&arrival.event.headers);
        let trace_id = context.as_ref().map(|context| &*context.trace_id);
        for (level, text) in lines {
            let line = Line {
                time_ms: self.clock.unix_ms(),
                level,
                step: step.clone(),
                partition,
                sequence,
                text: text.clone(),
                left_out: 0,
            };
            if !self.views.logs.write(self.clock.monotonic(), line) {
                continue;
            }
            macro_rules! log {
                ($level:ident) => {
                    tracing::$level!(target: "plugin", %step, sequence, trace_id, "{text}")
                };
            }
            match level {
                LogLevel::Debug => log!(debug),
                LogLevel::Info => log!(info),
                LogLevel::Warn => log!(warn),
                LogLevel::Error => log!(error),
            }
        }
    }
}

/// What came of a call: verdict, code and reason.
pub(crate) fn outcome(call: &Call) -> (&'static str, Option<String>, Option<&str>) {
    match &call.result {
        Ok(Verdict::Forward) => ("forward", None, None),
        Ok(Verdict::Drop) => ("drop", None, None),
        Ok(Verdict::Emit(_)) => ("emit", None, None),
        Err(CallFailure::Invalid(rejection)) => (
            "failed",
            Some(plain(&rejection.code, SHOWN_CHARS)),
            Some(&rejection.reason),
        ),
        Err(CallFailure::Transient(reason)) => (
            "failed",
            Some(LetterCode::Transient.as_str().to_owned()),
            Some(reason),
        ),
        Err(CallFailure::Trap(trap)) => ("failed", Some(trap.code.as_str().to_owned()), Some(&trap.message)),
        // The cause is the host's and stays in its log.
        Err(CallFailure::Engine(_)) => ("failed", Some("engine".to_owned()), None),
    }
}
