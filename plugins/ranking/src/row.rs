//! Which items go together: a row of neighbours for each item.
//!
//! When a user comes to an item, it and each of the user's latest items become neighbours, the more
//! the closer they follow each other. Popular items are everybody's neighbours and so say little: a
//! neighbour's gain is divided by a power of how often it was seen. This is item-item collaborative
//! filtering (Sarwar, Karypis, Konstan, Riedl, 2001) made incremental, with a window in place of
//! whole histories, so that an event changes `window + 1` rows and no more.

use serde::{Deserialize, Serialize};

use crate::{evidence::Evidence, freshness, item::Item, packed, profile::Visit};

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
pub struct Row {
    /// Users who came to the item.
    seen: u32,
    /// Of these, who liked it.
    pub liked: u32,
    /// The same with decay, as the boards hold it; `None` before the first.
    pub fresh: Option<f64>,
    /// With what each has gained.
    #[serde(with = "packed")]
    neighbours: Vec<(Item, f32)>,
}

/// How rows learn.
#[derive(Debug, Clone, Copy)]
pub struct Learning {
    /// The user's latest items that a new one becomes a neighbour of.
    pub window: usize,
    /// Neighbours kept of an item.
    pub neighbours: usize,
    /// Days of event time after which a like counts half.
    pub half_life_days: f64,
}

impl Row {
    /// A user has come to the item for the first time.
    pub fn see(&mut self, evidence: Evidence, now_ms: u64, learning: Learning) {
        self.seen += 1;
        if evidence.is_positive {
            self.liked += 1;
            self.fresh = Some(freshness::with_like(self.fresh, now_ms, learning.half_life_days));
        }
    }

    /// The item and those that the user came to before become neighbours, latest first. It says how many rows of
    /// `before` were changed; they are the first.
    pub fn join<'a>(
        &mut self,
        item: Item,
        evidence: Evidence,
        before: impl Iterator<Item = (Visit, &'a mut Self)>,
        learning: Learning,
    ) -> usize {
        if evidence.weight == 0.0 {
            return 0;
        }
        let rarity = self.rarity(POPULARITY_DAMPING);
        let mut changed = 0;
        for (distance, (visit, row)) in before.take(learning.window).enumerate() {
            let gain = evidence.weight * visit.weight * nearness(distance);
            row.strengthen(item, gain * rarity, learning.neighbours);
            self.strengthen(
                visit.item,
                gain * row.rarity(POPULARITY_DAMPING),
                learning.neighbours,
            );
            changed += 1;
        }
        changed
    }

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
pub fn nearness(distance: usize) -> f32 {
    (1.0 + distance as f32).powf(-DISTANCE_DAMPING)
}

/// The neighbours of the user's latest items, with what each row says for them; an item is there once for each row that
/// names it. Rows come latest first, with what the user's visit counted.
pub fn votes<'a>(rows: impl Iterator<Item = (f32, &'a Row)>) -> impl Iterator<Item = (Item, f32)> {
    let rows = rows.filter(|(weight, _)| *weight > 0.0);
    rows.enumerate().flat_map(|(distance, (weight, row))| {
        let say = weight * nearness(distance) * row.rarity(ROW_DAMPING);
        row.neighbours.iter().map(move |(item, gain)| (*item, gain * say))
    })
}
