//! The watermark: the event-time clock of a pipeline's input. State, duplicates, windows and alarms follow it, and
//! no other.
//!
//! Each source has a clock, the latest time that was believed of it. The watermark is
//! `max(min of the clocks, max of the clocks - lag) - delay`, and never goes back. So it is a function of what was
//! read, in its order, and of recorded ticks: whoever goes on from a recorded [`InputClock`] behind the event with
//! which it was recorded comes to the same watermark for each event that follows.
//!
//! There is no limit on how far one event moves it: a time that the broker's receive time contradicts is not
//! believed, and moves nothing.
//!
//! Why: docs/decisions/0090-the-watermark-is-computed-where-the-input-is-read.md

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use sources::{MAX_SOURCES, OTHER_SOURCES};

use crate::{
    carried::CarriedWatermark,
    event_time::CALENDAR_ENDS_MS,
    manifest::{Advance, PipelineManifest, WatermarkManifest},
    name::Name,
    watermark::sources::Sources,
};

mod sources;

/// How a pipeline's watermark moves, from its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockRule {
    delay_ms: u64,
    lag_ms: u64,
    ahead_ms: Option<u64>,
    /// Which place sources are found at, as a checksum; 0 for one source.
    per: u32,
    /// Whether the partitions of the pipeline whose own stream is read are sources, by what its messages carry.
    is_bound: bool,
    /// A partition of it of which nothing has come for so long is not waited for; none where each is.
    idle_ms: Option<u64>,
}

/// A message that was read: a stream that has another one at this sequence is not the stream that was read.
///
/// Why: docs/decisions/0176-a-stream-is-known-by-the-last-message.md
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// Its sequence.
    pub sequence: u64,
    /// When the broker received it, milliseconds since the epoch.
    pub received_ms: u64,
}

/// The clocks of an input's sources, and its watermark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct InputClock {
    /// Milliseconds since 1970; 0 for a clock that has not started.
    pub watermark_ms: u64,
    /// The latest time that was believed.
    latest_ms: u64,
    /// When the broker received the last event that was read.
    received_ms: u64,
    /// The sequence of that event; 0 where it is not known. A record has it behind the clock.
    read_sequence: u64,
    /// The watermark behind that event, before any tick.
    read_ms: u64,
    /// [`ClockRule::per`] of the sources.
    per: u32,
    /// Shared with every event that was read under it.
    sources: Option<Arc<Sources>>,
}

/// An [`InputClock`] in a record.
#[derive(Serialize, Deserialize)]
struct Written {
    watermark_ms: u64,
    latest_ms: u64,
    received_ms: u64,
    read_ms: u64,
    per: u32,
    sources: Vec<(String, u64)>,
}

impl ClockRule {
    /// As the manifest has it: named inputs are sources, unless it says otherwise. So are the partitions of another
    /// pipeline, where its own stream is read and the manifest names no sources.
    pub fn of(manifest: &PipelineManifest) -> Self {
        let rule = Self::of_watermark(&manifest.input.watermark);
        if rule.per != 0 || manifest.inputs.is_empty() {
            let is_bound = manifest.is_bound();
            return Self { is_bound, ..rule };
        }
        let names: Vec<_> = manifest.inputs.keys().collect();
        let names = serde_json::to_vec(&names).unwrap_or_default();
        Self {
            per: crc32fast::hash(&names).max(1),
            ..rule
        }
    }

    /// The rule of one input.
    pub fn of_watermark(manifest: &WatermarkManifest) -> Self {
        let per = manifest.per.as_ref().map(|per| {
            let place = serde_json::to_vec(per).unwrap_or_default();
            crc32fast::hash(&place).max(1)
        });
        Self {
            delay_ms: manifest.delay.0.as_millis(),
            lag_ms: manifest.lag.0.as_millis(),
            ahead_ms: manifest.ahead.as_millis(),
            per: per.unwrap_or(0),
            is_bound: false,
            idle_ms: (manifest.idle.advance == Advance::Pace).then(|| manifest.idle.after.0.as_millis()),
        }
    }

    /// Whether messages of the input carry watermarks that count.
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// The same, believing every time: of a rehearsal, whose receive times are made up.
    #[must_use]
    pub fn believing_all(self) -> Self {
        Self {
            ahead_ms: None,
            ..self
        }
    }

    /// Whether an event that the broker received then can be of this time. Beyond the calendar is none, whatever is
    /// believed: a watermark there would stand for ever.
    pub fn believes(&self, time_ms: u64, received_ms: u64) -> bool {
        let most_ms = self.ahead_ms.map(|ahead_ms| received_ms.saturating_add(ahead_ms));
        time_ms < CALENDAR_ENDS_MS && most_ms.is_none_or(|most_ms| time_ms <= most_ms)
    }
}

impl InputClock {
    /// These sources are waited for from the beginning, though nothing has come of them yet.
    pub fn expect<'a>(&mut self, rule: &ClockRule, names: impl IntoIterator<Item = &'a Name>) {
        if self.per == rule.per {
            return;
        }
        self.per = rule.per;
        self.sources = None;
        for name in names {
            let sources = Arc::make_mut(self.sources.get_or_insert_default());
            sources.note(name.as_str(), 0, rule.lag_ms);
        }
    }

    /// Takes note of a time that is believed.
    pub fn advance(&mut self, rule: &ClockRule, source: Option<&str>, time_ms: u64) {
        if rule.is_bound && self.is_bound() {
            // It says nothing of what is still to come of the pipeline that is read.
            self.latest_ms = self.latest_ms.max(time_ms);
            return;
        }
        if self.per != rule.per {
            // Sources found at another place are others.
            self.per = rule.per;
            self.sources = None;
        }
        self.latest_ms = self.latest_ms.max(time_ms);
        let mut first_ms = self.latest_ms;
        if rule.per != 0 {
            let sources = Arc::make_mut(self.sources.get_or_insert_default());
            sources.note(source.unwrap_or_default(), time_ms, rule.lag_ms);
            first_ms = sources.first_ms(0).unwrap_or(first_ms);
            // The source that was first may be another now.
            first_ms = first_ms.max(sources.last_ms().saturating_sub(rule.lag_ms));
        }
        self.watermark_ms = self.watermark_ms.max(first_ms.saturating_sub(rule.delay_ms));
    }

    /// Takes note of a time that is believed, of a message that carries how far its pipeline was. Its partition is a
    /// source, whose clock is what it carries, or its own time where that is earlier: a pipeline may publish other times
    /// than those that it reads.
    pub fn advance_behind(
        &mut self,
        rule: &ClockRule,
        carried: CarriedWatermark,
        time_ms: u64,
        received_ms: u64,
    ) {
        let per = carried.per();
        if self.per != per {
            self.per = per;
            self.sources = None;
        }
        self.latest_ms = self.latest_ms.max(time_ms);
        let sources = self.sources.get_or_insert_with(|| {
            // All of its partitions are waited for, though nothing has come of them yet.
            let mut sources = Sources::default();
            for partition in 0..carried.partitions {
                sources.hear(&CarriedWatermark::source(partition), 0, rule.lag_ms, received_ms);
            }
            Arc::new(sources)
        });
        let sources = Arc::make_mut(sources);
        let known_ms = carried.watermark_ms.min(time_ms);
        let source = CarriedWatermark::source(carried.partition);
        sources.hear(&source, known_ms, rule.lag_ms, received_ms);
        let since_ms = rule
            .idle_ms
            .map_or(0, |idle_ms| received_ms.saturating_sub(idle_ms));
        let first_ms = sources.first_ms(since_ms).unwrap_or(known_ms);
        let first_ms = first_ms.max(sources.last_ms().saturating_sub(rule.lag_ms));
        self.watermark_ms = self.watermark_ms.max(first_ms.saturating_sub(rule.delay_ms));
    }

    /// Whether its sources are the partitions of a pipeline.
    fn is_bound(&self) -> bool {
        self.sources.as_ref().is_some_and(|sources| sources.are_heard())
    }

    /// An event was read that the broker received then, whether or not its time is believed.
    pub fn read(&mut self, sequence: u64, received_ms: u64) {
        self.received_ms = received_ms;
        self.read_sequence = sequence;
        self.read_ms = self.watermark_ms;
    }

    /// The last event that was read, by which the stream is known again; none where it is not known.
    pub fn witness(&self) -> Option<Witness> {
        (self.read_sequence > 0).then_some(Witness {
            sequence: self.read_sequence,
            received_ms: self.received_ms,
        })
    }

    /// That event had this sequence, or 0: it was of a stream that is not read any more.
    pub fn set_read_sequence(&mut self, sequence: u64) {
        self.read_sequence = sequence;
    }

    /// When the broker received the last event that was read; 0 before the first.
    pub fn received_ms(&self) -> u64 {
        self.received_ms
    }

    /// The latest time that was believed; 0 before the first.
    pub fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    /// A tick: the broker has received nothing for this long since the last event, and the watermark goes on. A clock
    /// that has not started stands. Where partitions of a pipeline are sources, all of them are silent, and none is
    /// waited for.
    pub fn tick(&mut self, rule: &ClockRule, silence_ms: u64) {
        if self.watermark_ms == 0 {
            return;
        }
        let bound = self.sources.as_ref().filter(|sources| sources.are_heard());
        let last_ms = bound.map_or(0, |sources| sources.last_ms().saturating_sub(rule.delay_ms));
        let from_ms = self.read_ms.max(last_ms);
        self.watermark_ms = self.watermark_ms.max(from_ms.saturating_add(silence_ms));
    }

    /// Goes on from a watermark that was reached by other rules.
    pub fn not_before(&mut self, watermark_ms: u64) {
        self.watermark_ms = self.watermark_ms.max(watermark_ms);
    }

    /// What holds the watermark back, in words; none where it follows the latest time.
    pub fn held_by(&self, rule: &ClockRule) -> Option<String> {
        if self.watermark_ms == 0 {
            return Some("no event has come with a time that is believed".to_owned());
        }
        let sources = self.sources.as_deref()?;
        let last_ms = sources.last_ms();
        let since_ms = rule
            .idle_ms
            .map_or(0, |idle_ms| self.received_ms.saturating_sub(idle_ms));
        let (first, first_ms) = sources.first(since_ms)?;
        let behind_ms = last_ms - first_ms;
        match behind_ms {
            0 => None,
            _ if first_ms == 0 => Some(format!(
                "source {first:?}, of which nothing has come; it is waited for up to input.watermark.lag, {} ms",
                rule.lag_ms
            )),
            _ if behind_ms > rule.lag_ms => Some(format!(
                "input.watermark.lag: source {first:?} is {behind_ms} ms behind, and is waited for no longer"
            )),
            _ => Some(format!(
                "source {first:?}, which is {behind_ms} ms behind the first"
            )),
        }
    }

    /// The clocks of the sources, by name; none where the input counts as one.
    pub fn sources(&self) -> impl Iterator<Item = (&str, u64)> {
        let sources = self.sources.as_deref();
        sources.into_iter().flat_map(Sources::iter)
    }
}

impl From<Written> for InputClock {
    fn from(written: Written) -> Self {
        let sources = (!written.sources.is_empty()).then(|| Arc::new(Sources::of_written(written.sources)));
        Self {
            watermark_ms: written.watermark_ms,
            latest_ms: written.latest_ms,
            received_ms: written.received_ms,
            read_sequence: 0,
            read_ms: written.read_ms,
            per: written.per,
            sources,
        }
    }
}

impl From<InputClock> for Written {
    fn from(clock: InputClock) -> Self {
        let sources = clock.sources.as_deref();
        Self {
            sources: sources.map(Sources::written).unwrap_or_default(),
            watermark_ms: clock.watermark_ms,
            latest_ms: clock.latest_ms,
            received_ms: clock.received_ms,
            read_ms: clock.read_ms,
            per: clock.per,
        }
    }
}

#[cfg(test)]
mod tests;
