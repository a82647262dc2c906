//! The rows that an event changes, in the state of the step.

use ranking::{
    evidence::Evidence,
    item::Item,
    profile::{Profile, Visit},
    row::{Learning, Row},
};
use tailrace_sdk::{Failure, Host};

/// The row of the event's item, and those of the user's latest items before it.
pub(crate) struct Rows {
    item: Item,
    row: Row,
    /// Latest first.
    latest: Vec<(Visit, Row)>,
    /// How many of `latest` were changed.
    changed: usize,
}

impl Rows {
    pub(crate) fn load(
        host: &mut Host<'_>,
        item: Item,
        profile: &Profile,
        window: usize,
    ) -> Result<Self, Failure> {
        let row = host.state().get_packed(&item.row_key())?.unwrap_or_default();
        let mut latest = Vec::with_capacity(window);
        for visit in profile.latest().filter(|visit| visit.item != item).take(window) {
            let row = host
                .state()
                .get_packed(&visit.item.row_key())?
                .unwrap_or_default();
            latest.push((visit, row));
        }
        Ok(Self {
            item,
            row,
            latest,
            changed: 0,
        })
    }

    /// The user has come to the item for the first time.
    pub(crate) fn learn(&mut self, evidence: Evidence, learning: Learning) {
        self.row.see(evidence, learning);
        let before = self.latest.iter_mut().map(|(visit, row)| (*visit, row));
        self.changed = self.row.join(self.item, evidence, before, learning);
    }

    /// The row of the event's item.
    pub(crate) fn row(&self) -> &Row {
        &self.row
    }

    /// Writes what `learn` changed.
    pub(crate) fn save(&self, host: &mut Host<'_>) -> Result<(), Failure> {
        for (visit, row) in &self.latest[..self.changed] {
            host.state().set_packed(&visit.item.row_key(), row)?;
        }
        host.state().set_packed(&self.item.row_key(), &self.row)
    }
}
