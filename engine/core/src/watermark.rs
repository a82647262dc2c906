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

use crate::{
    manifest::{PipelineManifest, WatermarkManifest},
    name::Name,
};

/// Most sources with a clock of their own: a commit holds them all.
pub const MAX_SOURCES: usize = 64;
/// Longest name of a source that is kept; of a longer one its beginning and a checksum.
const MAX_SOURCE_BYTES: usize = 64;
/// The clock that sources beyond [`MAX_SOURCES`] share. No subject token or header can be this.
pub const OTHER_SOURCES: &str = "…";

/// How a pipeline's watermark moves, from its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockRule {
    delay_ms: u64,
    lag_ms: u64,
    ahead_ms: Option<u64>,
    /// Which place sources are found at, as a checksum; 0 for one source.
    per: u32,
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

/// The clocks of the sources, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sources {
    names: Arc<[Arc<str>]>,
    times_ms: Vec<u64>,
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
    /// As the manifest has it: named inputs are sources, unless it says otherwise.
    pub fn of(manifest: &PipelineManifest) -> Self {
        let rule = Self::of_watermark(&manifest.input.watermark);
        if rule.per != 0 || manifest.inputs.is_empty() {
            return rule;
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
        }
    }

    /// The same, believing every time: of a rehearsal, whose receive times are made up.
    #[must_use]
    pub fn believing_all(self) -> Self {
        Self {
            ahead_ms: None,
            ..self
        }
    }

    /// Whether an event that the broker received then can be of this time.
    pub fn believes(&self, time_ms: u64, received_ms: u64) -> bool {
        self.ahead_ms
            .is_none_or(|ahead_ms| time_ms <= received_ms.saturating_add(ahead_ms))
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
            first_ms = sources.times_ms.iter().copied().min().unwrap_or(first_ms);
            // The source that was first may be another now.
            let last_ms = sources.times_ms.iter().copied().max().unwrap_or(first_ms);
            first_ms = first_ms.max(last_ms.saturating_sub(rule.lag_ms));
        }
        self.watermark_ms = self.watermark_ms.max(first_ms.saturating_sub(rule.delay_ms));
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
    /// that has not started stands.
    pub fn tick(&mut self, silence_ms: u64) {
        if self.watermark_ms > 0 {
            self.watermark_ms = self.watermark_ms.max(self.read_ms.saturating_add(silence_ms));
        }
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
        let last_ms = self.sources().map(|(_, time_ms)| time_ms).max()?;
        let (first, first_ms) = self.sources().min_by_key(|(_, time_ms)| *time_ms)?;
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
        sources.into_iter().flat_map(|sources| {
            let names = sources.names.iter().map(|name| &**name);
            names.zip(sources.times_ms.iter().copied())
        })
    }
}

impl Sources {
    fn note(&mut self, source: &str, time_ms: u64, lag_ms: u64) {
        let shortened;
        let source = if source.len() <= MAX_SOURCE_BYTES {
            source
        } else {
            shortened = shorten(source);
            &shortened
        };
        if let Ok(index) = self.find(source) {
            self.times_ms[index] = self.times_ms[index].max(time_ms);
            return;
        }
        while self.named() >= MAX_SOURCES {
            if !self.forget_one(lag_ms) {
                return self.note_other(time_ms);
            }
        }
        self.insert(source, time_ms);
    }

    /// How many sources have a clock of their own.
    fn named(&self) -> usize {
        self.names.len() - usize::from(self.find(OTHER_SOURCES).is_ok())
    }

    fn note_other(&mut self, time_ms: u64) {
        match self.find(OTHER_SOURCES) {
            Ok(index) => self.times_ms[index] = self.times_ms[index].max(time_ms),
            Err(_) => self.insert(OTHER_SOURCES, time_ms),
        }
    }

    fn find(&self, source: &str) -> Result<usize, usize> {
        self.names.binary_search_by(|name| (**name).cmp(source))
    }

    fn insert(&mut self, source: &str, time_ms: u64) {
        let Err(index) = self.find(source) else { return };
        let mut names = self.names.to_vec();
        names.insert(index, source.into());
        self.names = names.into();
        self.times_ms.insert(index, time_ms);
    }

    /// Makes room: a source that is not waited for any more can be forgotten.
    fn forget_one(&mut self, lag_ms: u64) -> bool {
        let waited_for = self.times_ms.iter().max().map(|last| last.saturating_sub(lag_ms));
        let furthest = self
            .times_ms
            .iter()
            .copied()
            .enumerate()
            .min_by_key(|(_, at)| *at);
        let Some((index, _)) = furthest.filter(|(_, at_ms)| Some(*at_ms) < waited_for) else {
            return false;
        };
        let mut names = self.names.to_vec();
        names.remove(index);
        self.names = names.into();
        self.times_ms.remove(index);
        true
    }
}

fn shorten(source: &str) -> String {
    let mut end = MAX_SOURCE_BYTES - 10;
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}#{:08x}", &source[..end], crc32fast::hash(source.as_bytes()))
}

impl From<Written> for InputClock {
    fn from(written: Written) -> Self {
        let (names, times_ms): (Vec<Arc<str>>, Vec<u64>) = written
            .sources
            .into_iter()
            .map(|(name, time_ms)| (Arc::from(name), time_ms))
            .unzip();
        let sources = (!names.is_empty()).then(|| {
            Arc::new(Sources {
                names: names.into(),
                times_ms,
            })
        });
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
        let sources = clock.sources().map(|(name, time_ms)| (name.to_owned(), time_ms));
        Self {
            sources: sources.collect(),
            watermark_ms: clock.watermark_ms,
            latest_ms: clock.latest_ms,
            received_ms: clock.received_ms,
            read_ms: clock.read_ms,
            per: clock.per,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_795_825_800_000;
    const HOUR_MS: u64 = 3_600_000;

    fn rule(text: &str) -> ClockRule {
        ClockRule::of_watermark(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_watermark_is_the_latest_time_less_the_delay_however_far_one_event_moves_it() {
        let rule = rule(r#"{"delay":"5s"}"#);
        let mut clock = InputClock::default();
        for (time_ms, watermark_ms) in [
            (NOW_MS, NOW_MS - 5_000),
            (NOW_MS - 60_000, NOW_MS - 5_000),
            (NOW_MS + 25 * HOUR_MS, NOW_MS + 25 * HOUR_MS - 5_000),
        ] {
            clock.advance(&rule, None, time_ms);
            assert_eq!(clock.watermark_ms, watermark_ms);
        }
    }

    #[test]
    fn a_time_is_believed_up_to_ahead_of_its_own_receive_time() {
        let five_minutes = rule("{}");
        assert!(five_minutes.believes(NOW_MS + 300_000, NOW_MS));
        assert!(!five_minutes.believes(NOW_MS + 300_001, NOW_MS));
        assert!(five_minutes.believes(0, NOW_MS));
        let any = rule(r#"{"ahead":"any"}"#);
        assert!(any.believes(u64::MAX, 0));
        assert!(five_minutes.believing_all().believes(u64::MAX, 0));
    }

    #[test]
    fn the_watermark_waits_for_the_source_that_is_behind_until_that_lags_too_far() {
        let rule = rule(r#"{"delay":"0s","lag":"10m","per":{"subject-token":2}}"#);
        let mut clock = InputClock::default();
        clock.advance(&rule, Some("a"), NOW_MS);
        clock.advance(&rule, Some("b"), NOW_MS - 60_000);
        assert_eq!(clock.watermark_ms, NOW_MS, "it never goes back");
        clock.advance(&rule, Some("a"), NOW_MS + 300_000);
        assert_eq!(clock.watermark_ms, NOW_MS, "b is waited for");
        clock.advance(&rule, Some("b"), NOW_MS + 120_000);
        assert_eq!(clock.watermark_ms, NOW_MS + 120_000);
        clock.advance(&rule, Some("a"), NOW_MS + HOUR_MS);
        assert_eq!(clock.watermark_ms, NOW_MS + HOUR_MS - 600_000);
        let shown: Vec<_> = clock.sources().collect();
        assert_eq!(shown, [("a", NOW_MS + HOUR_MS), ("b", NOW_MS + 120_000)]);
    }

    #[test]
    fn the_65th_source_takes_the_place_of_one_that_is_not_waited_for_or_shares_a_clock() {
        let rule = rule(r#"{"delay":"0s","lag":"10m","per":{"subject-token":2}}"#);
        let mut clock = InputClock::default();
        for number in 0..MAX_SOURCES {
            clock.advance(&rule, Some(&format!("s{number:02}")), NOW_MS + number as u64);
        }
        clock.advance(&rule, Some("x"), NOW_MS + 500);
        clock.advance(&rule, Some("y"), NOW_MS + 400);
        let other = clock.sources().find(|(name, _)| *name == OTHER_SOURCES);
        assert_eq!(other, Some((OTHER_SOURCES, NOW_MS + 500)));
        // All but two of them fall silent.
        clock.advance(&rule, Some("s01"), NOW_MS + HOUR_MS);
        for number in 0..100 {
            clock.advance(&rule, Some(&format!("new{number:02}")), NOW_MS + HOUR_MS);
        }
        assert!(clock.sources().count() <= MAX_SOURCES + 1);
        assert!(clock.sources().any(|(name, _)| name == "new00"));
        assert!(clock.sources().all(|(name, _)| name != "s00"));
    }

    #[test]
    fn sources_at_another_place_begin_anew_and_the_watermark_stays() {
        let mut clock = InputClock::default();
        clock.advance(&rule(r#"{"per":{"subject-token":2}}"#), Some("a"), NOW_MS);
        let watermark_ms = clock.watermark_ms;
        clock.advance(&rule(r#"{"per":{"subject-token":3}}"#), Some("b"), NOW_MS - 9_000);
        assert_eq!(clock.watermark_ms, watermark_ms);
        assert_eq!(clock.sources().collect::<Vec<_>>(), [("b", NOW_MS - 9_000)]);
        clock.advance(&rule("{}"), None, NOW_MS + 9_000);
        assert_eq!(clock.sources().count(), 0);
    }

    #[test]
    fn a_tick_moves_only_a_clock_that_has_started() {
        let mut clock = InputClock::default();
        clock.tick(1_000);
        assert_eq!(clock.watermark_ms, 0);
        clock.advance(&rule(r#"{"delay":"0s"}"#), None, NOW_MS);
        clock.read(1, NOW_MS);
        clock.tick(7);
        assert_eq!(clock.watermark_ms, NOW_MS + 7);
        clock.tick(5);
        assert_eq!(clock.watermark_ms, NOW_MS + 7);
        clock.tick(9);
        assert_eq!(clock.watermark_ms, NOW_MS + 9);
    }

    #[test]
    fn a_clock_that_was_written_goes_on_as_the_one_that_was_not() {
        let rule = rule(r#"{"per":{"subject-token":2}}"#);
        let mut clock = InputClock::default();
        let times = [("a", 9), ("b", 4), ("c", 11), ("a", 20), ("b", 19), ("c", 17)];
        let long = "source".repeat(40);
        for (source, seconds) in times.into_iter().chain([(&*long, 30)]) {
            let bytes = postcard::to_stdvec(&clock).unwrap();
            let mut read: InputClock = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(read, clock);
            for clock in [&mut clock, &mut read] {
                clock.advance(&rule, Some(source), NOW_MS + seconds * 1_000);
            }
            assert_eq!(read, clock);
        }
        assert!(clock.sources().all(|(name, _)| name.len() <= MAX_SOURCE_BYTES));
    }
}
