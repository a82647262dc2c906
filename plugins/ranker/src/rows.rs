//! The rows that an event touches, in the state of the step.

use ranking::{
    evidence::Evidence,
    item::Item,
    profile::{Profile, Visit},
    row::{Learning, Row, votes},
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
        history: usize,
    ) -> Result<Self, Failure> {
        let row = host.state().get_packed(&item.row_key())?.unwrap_or_default();
        let mut latest = Vec::with_capacity(history);
        for visit in profile.latest().filter(|visit| visit.item != item).take(history) {
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
    pub(crate) fn learn(&mut self, evidence: Evidence, now_ms: u64, learning: Learning) {
        self.row.see(evidence, now_ms, learning);
        let before = self.latest.iter_mut().map(|(visit, row)| (*visit, row));
        self.changed = self.row.join(self.item, evidence, before, learning);
    }

    /// The row of the event's item.
    pub(crate) fn row(&self) -> &Row {
        &self.row
    }

    /// What the rows of the event's item and of the user's latest say for their neighbours.
    pub(crate) fn votes(&self, evidence: Evidence) -> impl Iterator<Item = (Item, f32)> {
        let own = (evidence.weight, &self.row);
        let before = self.latest.iter().map(|(visit, row)| (visit.weight, row));
        votes(std::iter::once(own).chain(before))
    }

    /// Writes what `learn` changed.
    pub(crate) fn save(&self, host: &mut Host<'_>) -> Result<(), Failure> {
        for (visit, row) in &self.latest[..self.changed] {
            host.state().set_packed(&visit.item.row_key(), row)?;
        }
        host.state().set_packed(&self.item.row_key(), &self.row)
    }
}
