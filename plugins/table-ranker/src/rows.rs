//! The rows of the user's latest items, as the table has them.

use ranking::{
    evidence::Evidence,
    item::Item,
    profile::Profile,
    published::ItemRow,
    row::{nearness, votes},
};
use tailrace_sdk::{Failure, Host};

use crate::config::Config;

/// Rows with what the user's visit of each counted, latest first. An item whose row is not there yet is left out.
pub(crate) struct Rows(Vec<(f32, ItemRow)>);

impl Rows {
    /// The row of the event's item, and those of the user's latest items before it.
    pub(crate) fn load(
        host: &mut Host<'_>,
        item: Item,
        evidence: Evidence,
        profile: &Profile,
        config: &Config,
    ) -> Result<Self, Failure> {
        let before = profile.latest().filter(|visit| visit.item != item);
        let before = before
            .take(config.history)
            .map(|visit| (visit.weight, visit.item));
        let mut rows = Vec::with_capacity(config.history + 1);
        for (weight, item) in std::iter::once((evidence.weight, item)).chain(before) {
            if let Some(row) = ItemRow::of(host, &config.table, item)? {
                rows.push((weight, row));
            }
        }
        Ok(Self(rows))
    }

    /// What the rows say for their neighbours.
    pub(crate) fn votes(&self) -> impl Iterator<Item = (Item, f32)> {
        votes(self.0.iter().map(|(weight, row)| (*weight, &row.row)))
    }

    /// What the rows say for the items with the nearest vectors: about the product with a vector of the user that lies
    /// amid those of the latest items.
    pub(crate) fn similar(&self) -> impl Iterator<Item = (Item, f32)> {
        self.0.iter().enumerate().flat_map(|(distance, (weight, row))| {
            let say = weight * nearness(distance);
            row.similar.iter().map(move |(item, score)| (*item, score * say))
        })
    }
}
