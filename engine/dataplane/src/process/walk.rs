//! One event on its way through the steps: what it has caused so far.

use tailrace_core::{event::Event, name::Name, outcome::Outcome};

use crate::{
    arrival::{Arrival, Source},
    effects::Effects,
    observe::spans::EventSpans,
};

/// Longest identifier that a dead letter keeps: its reason is one header.
const MAX_ID_BYTES: usize = 256;

/// What one event has caused so far.
pub(crate) struct Walk<'a> {
    pub(crate) arrival: &'a Arrival,
    /// The watermark, by which entries end.
    pub(crate) now_ms: u64,
    pub(super) messages: usize,
    pub(super) calls: u32,
    /// Calls that it has asked for, whether they were made once, twice, or are recorded.
    asked: u32,
    pub(super) bytes_before: usize,
    pub(crate) outcome: Outcome,
    /// A bit for each step that has accepted it, or a message in its place.
    pub(super) accepted: u32,
    /// Whether a step has failed on it, and its policy let it end or go on.
    pub(super) failed: bool,
    /// Whether messages have taken the event's place on the way.
    pub(super) emitted: bool,
    /// Its spans, where its trace is followed.
    pub(super) spans: Option<EventSpans>,
    /// How many events joins have kept of it.
    kept: u32,
    /// The join that has made what leaves now.
    pub(crate) join: Option<Name>,
    /// For a shadow: what the active revision has done so far.
    pub(super) below: Option<&'a Effects>,
}

impl<'a> Walk<'a> {
    /// At its beginning.
    pub(crate) fn at(arrival: &'a Arrival, now_ms: u64, bytes_before: usize) -> Self {
        Self {
            arrival,
            now_ms,
            messages: 0,
            calls: 0,
            asked: 0,
            bytes_before,
            outcome: Outcome::default(),
            accepted: 0,
            failed: false,
            emitted: false,
            spans: None,
            kept: 0,
            join: None,
            below: None,
        }
    }

    /// Whether what leaves now is not the event itself, but was made of it.
    pub(super) fn is_replaced(&self) -> bool {
        self.emitted || self.join.is_some()
    }

    /// Which of the pipeline's messages the next one is, the same at every try: `<sequence>:<k>`.
    pub(super) fn message_name(&self) -> String {
        let (arrival, number) = (self.arrival, self.messages);
        let sequence = arrival.sequence;
        let source = match arrival.source {
            Source::Input => "",
            Source::Redrive => "redrive-",
        };
        match &arrival.timer {
            Some(timer) => {
                let Event { time_ms, key, .. } = &arrival.event;
                let step = arrival.from_step.as_deref().unwrap_or_default();
                format!("{source}timer-{step}:{timer}:{time_ms}:{key}:{sequence}:{number}")
            }
            None => format!("{source}{sequence}:{number}"),
        }
    }

    /// Messages that it has caused.
    pub(crate) fn sent(&self) -> usize {
        self.messages
    }

    /// The number of the next call that it asks for.
    pub(super) fn next_call(&mut self) -> u32 {
        let number = self.asked;
        self.asked += 1;
        number
    }

    /// The number of the next event that a join keeps of it.
    pub(crate) fn next_kept(&mut self) -> u32 {
        let number = self.kept;
        self.kept += 1;
        number
    }

    /// What it is of: a join, or one of several inputs.
    pub(crate) fn origin(&self) -> Option<&Name> {
        self.join.as_ref().or(self.arrival.input.as_ref())
    }

    /// Whether nothing has refused it or failed on it.
    pub(super) fn is_accepted(&self) -> bool {
        !self.failed && !matches!(self.outcome, Outcome::Dead | Outcome::Rejected)
    }

    /// The identifier of the event, while no message has taken its place.
    pub(super) fn whole_event_id(&self) -> Option<String> {
        let id = self.arrival.dedup.as_ref().filter(|_| !self.is_replaced())?;
        (id.text.len() <= MAX_ID_BYTES).then(|| id.text.clone())
    }
}
