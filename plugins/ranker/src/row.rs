//! Which items go together: a row of neighbours for each item.
//!
//! When a user comes to an item, it and each of the user's latest items become neighbours, the more
//! the closer they follow each other. Popular items are everybody's neighbours and so say little: a
//! neighbour's gain is divided by a power of how often it was seen. This is item-item collaborative
//! filtering (Sarwar, Karypis, Konstan, Riedl, 2001) made incremental, with a window in place of
//! whole histories, so that an event changes `window + 1` rows and no more.

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

use crate::{
    config::{Config, Evidence},
    item::Item,
    packed,
    profile::{Profile, Visit},
};

/// How a neighbour's gain falls with how often the neighbour was seen: 0 favours the popular, 0.5 is
/// the cosine's own share. Between is best on real ratings.
const POPULARITY_DAMPING: f32 = 0.3;
/// How the gain falls with the distance in the user's history: `1 / (1 + d)^0.5`.
const DISTANCE_DAMPING: f32 = 0.5;
/// How a row's say falls with how often its item was seen.
const ROW_DAMPING: f32 = 0.5;
/// A row may grow by a quarter above `neighbours` before its weakest go, so that newcomers have time
/// to gather weight and sorting is rare.
const SLACK_DIVISOR: usize = 4;

/// An item's counts and neighbours.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Users who came to the item.
    seen: u32,
    /// Of these, who liked it.
    pub(crate) liked: u32,
    /// The same with decay, as the boards hold it; `None` before the first.
    pub(crate) fresh: Option<f64>,
    /// With what each has gained.
    #[serde(with = "packed")]
    neighbours: Vec<(Item, f32)>,
}

impl Row {
    fn strengthen(&mut self, item: Item, gain: f32, most: usize) {
        match self
            .neighbours
            .iter_mut()
            .find(|(neighbour, _)| *neighbour == item)
        {
            Some((_, weight)) => *weight += gain,
            None => self.neighbours.push((item, gain)),
        }
        if self.neighbours.len() > most + most / SLACK_DIVISOR {
            let stronger = |left: &(Item, f32), right: &(Item, f32)| {
                right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
            };
            self.neighbours.sort_unstable_by(stronger);
            self.neighbours.truncate(most);
        }
    }

    fn rarity(&self, damping: f32) -> f32 {
        (self.seen.max(1) as f32).powf(-damping)
    }
}

/// How much less something counts that lies `distance` items back.
fn nearness(distance: usize) -> f32 {
    (1.0 + distance as f32).powf(-DISTANCE_DAMPING)
}

/// The rows that an event touches: its item's, and those of the user's latest items before it.
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
        config: &Config,
    ) -> Result<Self, Failure> {
        let row = host.state().get_packed(&item.row_key())?.unwrap_or_default();
        let mut latest = Vec::with_capacity(config.history);
        for visit in profile
            .latest()
            .filter(|visit| visit.item != item)
            .take(config.history)
        {
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
    pub(crate) fn learn(&mut self, evidence: Evidence, now_ms: u64, config: &Config) {
        self.row.seen += 1;
        if evidence.is_positive {
            self.row.liked += 1;
            self.row.fresh = Some(config.freshness_with(self.row.fresh, now_ms));
        }
        if evidence.weight == 0.0 {
            return;
        }
        let rarity = self.row.rarity(POPULARITY_DAMPING);
        for (distance, (visit, row)) in self.latest.iter_mut().take(config.window).enumerate() {
            let gain = evidence.weight * visit.weight * nearness(distance);
            row.strengthen(self.item, gain * rarity, config.neighbours);
            self.row.strengthen(
                visit.item,
                gain * row.rarity(POPULARITY_DAMPING),
                config.neighbours,
            );
            self.changed += 1;
        }
    }

    /// The row of the event's item.
    pub(crate) fn row(&self) -> &Row {
        &self.row
    }

    /// The neighbours of the event's item and of the user's latest, with what each row says for them;
    /// an item is there once for each row that names it.
    pub(crate) fn votes(&self, evidence: Evidence) -> impl Iterator<Item = (Item, f32)> {
        let own = (evidence.weight, &self.row);
        let before = self.latest.iter().map(|(visit, row)| (visit.weight, row));
        let rows = std::iter::once(own)
            .chain(before)
            .filter(|(weight, _)| *weight > 0.0);
        rows.enumerate().flat_map(|(distance, (weight, row))| {
            let say = weight * nearness(distance) * row.rarity(ROW_DAMPING);
            row.neighbours.iter().map(move |(item, gain)| (*item, gain * say))
        })
    }

    /// Writes what `learn` changed.
    pub(crate) fn save(&self, host: &mut Host<'_>) -> Result<(), Failure> {
        for (visit, row) in &self.latest[..self.changed] {
            host.state().set_packed(&visit.item.row_key(), row)?;
        }
        host.state().set_packed(&self.item.row_key(), &self.row)
    }
}
