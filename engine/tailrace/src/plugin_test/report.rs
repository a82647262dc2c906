//! What a rehearsal tells: of each event, and of all of them. These are also the shapes of
//! `tailrace plugin test --output json`: one report a line, the summary last.

use serde::Serialize;
use tailrace_core::{
    delta::{Delta, Placed},
    event::Header,
    ports::broker::Output,
};
use tailrace_dataplane::effects::timers::{TimerChange, timer_changes};
use tailrace_sketch::Update;

use super::lines::LogLine;
use crate::cli::screen::hex;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Handed on as it came.
    Forward,
    /// Messages in its place.
    Emit,
    /// Ended on purpose.
    Drop,
    /// Called invalid by the plugin: a dead letter.
    Rejected,
    /// Refused before the plugin saw it: no key where the pipeline says that it is, or a payload that does not read.
    Refused,
    /// Known by its identifier, and not processed again.
    Duplicate,
    /// No event, but a delete marker or a schedule, which the pipeline skips.
    Marker,
    /// The plugin asked for other tries until there were none left.
    Exhausted,
    /// The plugin was stopped.
    Trapped,
}

/// Bytes as people read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// UTF-8.
    Text(String),
    /// Anything else, in hexadecimal.
    Hex(String),
}

impl Content {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(hex(bytes)),
        }
    }
}

/// A message that would be published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageReport {
    /// Its subject.
    pub subject: String,
    /// Its headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Its payload.
    pub payload: Content,
}

/// A state entry that was written or deleted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateChange {
    /// Its key.
    pub key: String,
    /// Its value; none where it was deleted.
    pub value: Option<Content>,
    /// When it ends, in event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// The timer that a report is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FiredTimer {
    /// Its name.
    pub name: String,
    /// When it was due, in event time.
    pub at_ms: u64,
}

/// A timer that was set, moved or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimerReport {
    /// Its name.
    pub name: String,
    /// The key that it is of.
    pub key: String,
    /// When it is due, in event time; none where it was cancelled.
    pub at_ms: Option<u64>,
}

/// A vector that was written or deleted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VectorChange {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its numbers; none where it was deleted.
    pub vector: Option<Vec<f32>>,
}

/// An update of a sketch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SketchChange {
    /// The sketch.
    pub sketch: String,
    /// The update.
    pub update: Update,
}

/// An event, or a timer that fired, and all that it caused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventReport {
    /// The timer, if it is no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<FiredTimer>,
    /// Line of the file; of a timer, that of the event that set it.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its key.
    pub key: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no verdict: short and stable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why there is no verdict: for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is odd about its time: it does not read, or is absurd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The guest's frames at a trap, innermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
    /// What would be published.
    pub messages: Vec<MessageReport>,
    /// State changes, those of expiry included.
    pub state: Vec<StateChange>,
    /// Timers that were set, moved or cancelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerReport>,
    /// Vector changes.
    pub vectors: Vec<VectorChange>,
    /// Sketch updates.
    pub sketches: Vec<SketchChange>,
    /// Lines that the plugin logged, those of failed tries included.
    pub log: Vec<LogLine>,
    /// How often the plugin was called.
    pub calls: usize,
    /// Fuel of all calls.
    pub fuel: u64,
    /// Wall time of all calls, in microseconds.
    pub took_us: f64,
    /// Linear memory after the last call.
    pub memory_bytes: u64,
}

impl EventReport {
    /// Takes over what would be committed, but for the dead letters.
    pub fn add_effects(&mut self, delta: &Delta, published: Vec<Output>) {
        let message = |output: Output| MessageReport {
            subject: output.subject,
            headers: output.headers,
            payload: Content::of(&output.payload),
        };
        self.messages.extend(published.into_iter().map(message));
        // Other steps than the pipeline's own begin with a tilde.
        let own = delta.state.iter().filter(|(step, _)| !step.starts_with('~'));
        for (key, value) in own.flat_map(|(_, writes)| writes) {
            let expires_ms = value.as_ref().and_then(|value| value.expires_ms);
            let value = value.as_ref().map(|value| Content::of(&value.value));
            self.state.push(StateChange {
                key: key.clone(),
                value,
                expires_ms,
            });
        }
        let fired = |change: &TimerChange| {
            let timer = self.timer.as_ref();
            change.at_ms.is_none()
                && change.key == self.key
                && timer.is_some_and(|timer| timer.name == change.name)
        };
        let changes = timer_changes(delta).into_iter().filter(|change| !fired(change));
        self.timers = changes
            .map(|TimerChange { name, key, at_ms, .. }| TimerReport { name, key, at_ms })
            .collect();
        for (collection, writes) in &delta.vectors {
            let change = |(id, vector): (&String, &Option<Vec<f32>>)| VectorChange {
                collection: collection.clone(),
                id: id.clone(),
                vector: vector.clone(),
            };
            self.vectors.extend(writes.iter().map(change));
        }
        let windowed = delta.measured.iter().flat_map(|(sketch, measured)| {
            let change = |placed: &Placed| SketchChange {
                sketch: sketch.clone(),
                update: placed.update.clone(),
            };
            measured.updates.iter().map(change)
        });
        self.sketches.extend(windowed);
        for (sketch, updates) in &delta.sketches {
            let change = |update: &Update| SketchChange {
                sketch: sketch.clone(),
                update: update.clone(),
            };
            self.sketches.extend(updates.iter().map(change));
        }
    }
}

/// All events together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Events.
    pub events: u64,
    /// Timers that fired.
    pub timers: u64,
    /// Handed on as they came.
    pub forwarded: u64,
    /// Answered with messages.
    pub emitted: u64,
    /// Ended on purpose.
    pub dropped: u64,
    /// Called invalid, or refused for want of a key.
    pub rejected: u64,
    /// Known already.
    pub duplicates: u64,
    /// Delete markers and schedules that were skipped.
    pub markers: u64,
    /// Out of tries.
    pub exhausted: u64,
    /// Stopped.
    pub trapped: u64,
    /// Messages that would be published.
    pub messages: u64,
    /// Fuel of all calls.
    pub fuel: u64,
    /// Most fuel that one event took.
    pub fuel_max: u64,
    /// Wall time of all calls, in microseconds.
    pub took_us: f64,
    /// Most linear memory.
    pub memory_max_bytes: u64,
    /// What the pipeline's status would warn of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why the pipeline paused before the end of the file, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

impl Summary {
    /// Counts an event, or a timer.
    pub fn add(&mut self, report: &EventReport) {
        let counter = match report.outcome {
            Outcome::Forward => &mut self.forwarded,
            Outcome::Emit => &mut self.emitted,
            Outcome::Drop => &mut self.dropped,
            Outcome::Rejected | Outcome::Refused => &mut self.rejected,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Marker => &mut self.markers,
            Outcome::Exhausted => &mut self.exhausted,
            Outcome::Trapped => &mut self.trapped,
        };
        if report.timer.is_some() {
            // Of a timer, only what is wrong counts as an outcome.
            self.timers += 1;
            *counter += u64::from(report.code.is_some());
        } else {
            self.events += 1;
            *counter += 1;
        }
        self.messages += report.messages.len() as u64;
        self.fuel += report.fuel;
        self.fuel_max = self.fuel_max.max(report.fuel);
        self.took_us += report.took_us;
        self.memory_max_bytes = self.memory_max_bytes.max(report.memory_bytes);
    }

    /// Whether all went well: nothing was stopped or paused and, if `is_strict`, every event got a
    /// verdict.
    pub fn is_good(&self, is_strict: bool) -> bool {
        let is_stopped = self.trapped > 0 || self.paused.is_some();
        let is_faulty = is_strict && self.rejected + self.exhausted > 0;
        !is_stopped && !is_faulty
    }
}
