//! An item as the learner keeps it: its row, and how much of it was published.
//!
//! An event changes up to `window + 1` rows of a kilobyte or more. To publish each of them would give every partition of
//! the ranking pipeline seven rows an event to take in. So a row waits until the user has gone on by a window of items:
//! this user changes it no more. Of the rows that an event changes that is one. And a row of which a user's last items
//! are a large share does not wait, for the user may never come back.

use ranking::{item::Item, row::Row};
use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

/// An item.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) id: String,
    /// How often the row was changed.
    changes: u64,
    /// `changes` when it was published last; 0 before that.
    published: u64,
    pub(crate) row: Row,
}

impl Learned {
    pub(crate) fn load(host: &mut Host<'_>, item: Item) -> Result<Self, Failure> {
        Ok(host.state().get_packed(&item.row_key())?.unwrap_or_default())
    }

    pub(crate) fn save(&self, host: &mut Host<'_>, item: Item) -> Result<(), Failure> {
        host.state().set_packed(&item.row_key(), self)
    }

    /// Notes a change of the row, `settled` where the user changes it no more. Where the row is due, it counts as
    /// published from then on.
    pub(crate) fn note_change(&mut self, settled: bool, growth: Growth) -> bool {
        self.changes += 1;
        let share = if settled { growth.settled } else { growth.unsettled };
        let is_due = self.changes as f64 >= self.published as f64 * (1.0 + share);
        if is_due {
            self.published = self.changes;
        }
        is_due
    }
}

/// By which share the changes of a row must have grown before it is published again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// When the user has gone on.
    pub(crate) settled: f64,
    /// Before that.
    pub(crate) unsettled: f64,
}

#[cfg(test)]
mod tests {
    use super::{Growth, Learned};

    const GROWTH: Growth = Growth {
        settled: 0.02,
        unsettled: 0.25,
    };

    /// How often a row is published, of which each seventh change is the last of a user.
    fn published_of(changes: u64, growth: Growth) -> usize {
        let mut learned = Learned::default();
        (1..=changes)
            .filter(|number| learned.note_change(number % 7 == 0, growth))
            .count()
    }

    #[test]
    fn a_row_is_published_at_once_then_once_a_user_then_ever_more_seldom() {
        assert_eq!(published_of(1, GROWTH), 1);
        let (of_few, of_many) = (published_of(350, GROWTH), published_of(350_000, GROWTH));
        assert!((40..70).contains(&of_few), "{of_few} of fifty users");
        assert!(of_many < 500, "{of_many} of fifty thousand users");
    }

    #[test]
    fn without_growth_each_change_is_published() {
        let growth = Growth {
            settled: 0.0,
            unsettled: 0.0,
        };
        assert_eq!(published_of(100, growth), 100);
    }
}
