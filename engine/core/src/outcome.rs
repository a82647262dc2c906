//! Outcome counters of a partition: what its events came to. Every event has one outcome, so the outcomes add
//! up to the events. Every message of the pipeline's own stream is an output, a dead letter or part of a
//! record. So those add up to what the broker holds. The sums travel in each commit record and are never set
//! back. So they can be reconciled across crashes and changes of owner.
//!
//! Why: docs/decisions/0023-reconciliation.md

use serde::{Deserialize, Serialize};

/// What becomes of an event. Of several, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Outcome {
    /// Nothing came of it, on purpose.
    #[default]
    Dropped,
    /// It was handed on as it came.
    Forwarded,
    /// Messages took its place.
    Emitted,
    /// It failed, and is a dead letter.
    Dead,
    /// It was invalid, and is a dead letter.
    Rejected,
    /// It had come before, within the window.
    Duplicate,
    /// There was no room for it under a limit, and the pipeline lets such events go.
    Shed,
}

impl Outcome {
    /// Its name, for those who watch.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Forwarded => "forwarded",
            Self::Emitted => "emitted",
            Self::Dead => "dead",
            Self::Rejected => "rejected",
            Self::Duplicate => "duplicate",
            Self::Shed => "shed",
        }
    }
}

/// What events came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct OutcomeCounters {
    /// Events whose processing is finished.
    pub events: u64,
    /// Events handed on as they came.
    pub forwarded: u64,
    /// Events in whose place messages went on.
    pub emitted: u64,
    /// Events of which nothing came, on purpose.
    pub dropped: u64,
    /// Events that a plugin, or the intake, called invalid.
    pub rejected: u64,
    /// Events that failed.
    pub dead: u64,
    /// Events that had come before, within the window of `dedup`.
    pub duplicates: u64,
    /// Messages published to the output.
    pub outputs: u64,
    /// Dead letters written: of invalid events and of failed ones.
    pub letters: u64,
    /// Commits with another delivery than exactly-once: their messages may be stored twice, or not.
    pub loose: u64,
    /// Events that were let go for want of room under a limit.
    pub shed: u64,
}

impl OutcomeCounters {
    /// Counts an event's outcome.
    pub fn enter(&mut self, outcome: Outcome) {
        self.events += 1;
        let place = match outcome {
            Outcome::Dropped => &mut self.dropped,
            Outcome::Forwarded => &mut self.forwarded,
            Outcome::Emitted => &mut self.emitted,
            Outcome::Dead => &mut self.dead,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Shed => &mut self.shed,
        };
        *place += 1;
    }

    /// Adds what another holds.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.columns().into_iter().zip({ *other }.columns()) {
            *mine += *theirs;
        }
    }

    /// What was entered since an earlier state of the same counters.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = *self;
        for (mine, theirs) in difference.columns().into_iter().zip({ *earlier }.columns()) {
            *mine = mine.saturating_sub(*theirs);
        }
        difference
    }

    /// Events that have an outcome; equal to `events` where nothing is missing.
    pub fn outcomes(&self) -> u64 {
        let published = self.forwarded + self.emitted;
        published + self.dropped + self.rejected + self.dead + self.duplicates + self.shed
    }

    /// The columns that commit records have had from the first, in their order there.
    pub(crate) fn first_columns(mut self) -> [u64; 10] {
        let [first @ .., _] = self.columns();
        first.map(|column| *column)
    }

    /// The counters with only those columns.
    pub(crate) fn from_first_columns(first: [u64; 10]) -> Self {
        let mut outcomes = Self::default();
        for (column, value) in outcomes.columns().into_iter().zip(first) {
            *column = value;
        }
        outcomes
    }

    fn columns(&mut self) -> [&mut u64; 11] {
        [
            &mut self.events,
            &mut self.forwarded,
            &mut self.emitted,
            &mut self.dropped,
            &mut self.rejected,
            &mut self.dead,
            &mut self.duplicates,
            &mut self.outputs,
            &mut self.letters,
            &mut self.loose,
            &mut self.shed,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates_add_up_and_sums_subtract() {
        let mut books = OutcomeCounters::default();
        let outcomes = [
            Outcome::Dropped,
            Outcome::Forwarded,
            Outcome::Emitted,
            Outcome::Dead,
            Outcome::Rejected,
            Outcome::Duplicate,
            Outcome::Shed,
        ];
        for outcome in outcomes {
            books.enter(outcome);
        }
        assert_eq!((books.events, books.outcomes()), (7, 7));
        let earlier = books;
        books.enter(Outcome::Emitted);
        let mut sum = books.since(&earlier);
        assert_eq!((sum.events, sum.emitted, sum.dead), (1, 1, 0));
        sum.add(&earlier);
        assert_eq!(sum, books);
    }

    #[test]
    fn the_worst_fate_counts() {
        assert!(
            Outcome::Rejected > Outcome::Dead
                && Outcome::Dead > Outcome::Emitted
                && Outcome::Emitted > Outcome::Forwarded
        );
    }
}
