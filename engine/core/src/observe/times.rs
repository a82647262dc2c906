//! What the times of events were like: how many did not read, and whether all of late are absurd. A batch keeps
//! its own notes, which are added once it is committed.

use serde::Serialize;

use crate::{
    event_time::{EventTime, rfc3339},
    manifest::TimeUnit,
};

/// So many absurd times in a row are no accident.
const MANY: u64 = 100;
/// So many are enough where there was no other time before.
const FEW: u64 = 3;

/// Notes on the times of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TimeNotes {
    /// Times that did not read.
    pub unreadable: u64,
    /// The last of them, with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable_example: Option<String>,
    /// The last time that was not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead_example: Option<String>,
    /// Times that did.
    pub read: u64,
    /// Absurd ones since the last that was not.
    pub absurd_in_a_row: u64,
    /// The last of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absurd_example: Option<String>,
    /// The unit in which it would be a time of today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_unit: Option<TimeUnit>,
}

impl TimeNotes {
    /// Takes note of an event's time.
    pub fn note(&mut self, time: &EventTime) {
        match time {
            EventTime::Missing => {}
            EventTime::At(_) => {
                self.read += 1;
                self.absurd_in_a_row = 0;
            }
            EventTime::Absurd { text, likely, .. } => {
                self.read += 1;
                self.absurd_in_a_row += 1;
                self.absurd_example = Some(text.clone());
                self.likely_unit = *likely;
            }
            EventTime::Unreadable { text, why } => {
                self.unreadable += 1;
                self.unreadable_example = Some(format!("{text:?} {why}"));
            }
        }
    }

    /// Takes note of a time that is not believed, of an event that the broker received then.
    pub fn note_ahead(&mut self, time_ms: u64, received_ms: u64) {
        self.ahead_example = Some(format!("{} received {}", shown(time_ms), shown(received_ms)));
    }

    /// Adds the notes of a later batch.
    pub fn add(&mut self, later: &Self) {
        self.unreadable += later.unreadable;
        if later.unreadable_example.is_some() {
            self.unreadable_example.clone_from(&later.unreadable_example);
        }
        if later.ahead_example.is_some() {
            self.ahead_example.clone_from(&later.ahead_example);
        }
        let goes_on = later.absurd_in_a_row == later.read;
        self.absurd_in_a_row = later.absurd_in_a_row + if goes_on { self.absurd_in_a_row } else { 0 };
        self.read += later.read;
        if later.absurd_example.is_some() {
            self.absurd_example.clone_from(&later.absurd_example);
            self.likely_unit = later.likely_unit;
        }
    }

    /// What somebody should hear of, as sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(example) = &self.unreadable_example {
            warnings.push(format!(
                "{} events had a time at input.time that does not read; the last: {example}",
                self.unreadable
            ));
        }
        let row = self.absurd_in_a_row;
        let is_rule = row >= MANY || (row >= FEW && row == self.read);
        if let Some(example) = self.absurd_example.as_ref().filter(|_| is_rule) {
            let way_out = match self.likely_unit.map(TimeUnit::parsed_as) {
                Some(unit) => format!("write `unit: {}` beside the place in input.time", unit.as_str()),
                None => "check input.time and the publisher's clock".to_owned(),
            };
            warnings.push(format!(
                "the last {row} event times all lie before 2000 or more than a year ahead, such as {example}; {way_out}"
            ));
        }
        warnings
    }
}

fn shown(time_ms: u64) -> String {
    rfc3339(time_ms).map_or_else(|| format!("{time_ms} ms since 1970"), |text| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absurd() -> EventTime {
        EventTime::Absurd {
            ms: 1_795_825_800,
            text: "1795825800".into(),
            likely: Some(TimeUnit::S),
        }
    }

    fn notes(times: &[EventTime]) -> TimeNotes {
        let mut notes = TimeNotes::default();
        for time in times {
            notes.note(time);
        }
        notes
    }

    #[test]
    fn times_that_are_all_absurd_are_said_with_the_likely_unit() {
        assert!(notes(&[absurd(), absurd()]).warnings().is_empty());
        let warning = notes(&[absurd(), absurd(), EventTime::Missing, absurd()]).warnings();
        assert_eq!(
            warning,
            [
                "the last 3 event times all lie before 2000 or more than a year ahead, such as 1795825800; write `unit: s` beside the place in input.time"
            ]
        );
    }

    #[test]
    fn a_few_absurd_times_among_others_are_not_said() {
        let mut times = vec![EventTime::At(1)];
        times.extend((0..99).map(|_| absurd()));
        assert!(notes(&times).warnings().is_empty());
        times.push(absurd());
        assert_eq!(notes(&times).warnings().len(), 1);
        times.push(EventTime::At(1));
        assert!(notes(&times).warnings().is_empty());
    }

    #[test]
    fn batches_add_up_to_what_one_batch_would_be() {
        let unreadable = || EventTime::Unreadable {
            text: "x".into(),
            why: "is none".into(),
        };
        let times = [
            absurd(),
            EventTime::At(1),
            absurd(),
            unreadable(),
            absurd(),
            EventTime::Missing,
            absurd(),
        ];
        for cut in 0..=times.len() {
            let mut sum = notes(&times[..cut]);
            sum.add(&notes(&times[cut..]));
            assert_eq!(sum, notes(&times), "{cut}");
        }
        assert!(notes(&[unreadable()]).warnings()[0].contains("\"x\" is none"));
    }
}
