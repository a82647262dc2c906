//! Which items go together: a row of neighbours for each item.
//!
//! When a user comes to an item, it and each of the user's latest items become neighbours, the more
//! the closer they follow each other. Popular items are everybody's neighbours and so say little: a
//! neighbour's gain is divided by a power of how often it was seen. This is item-item collaborative
//! filtering (Sarwar, Karypis, Konstan, Riedl, 2001) made incremental, with a window in place of
//! whole histories, so that an event changes `window + 1` rows and no more.
//!
//! Gains fade with event time, by forward decay (Cormode, Shkapenyuk, Srivastava, Xu, 2009): a row has a time at which
//! a gain counts 1, and a later gain counts more. So time passes without a row being touched.

use serde::{Deserialize, Serialize};

use crate::{evidence::Evidence, freshness, item::Item, neighbours::Neighbours, profile::Visit};

/// How a neighbour's gain falls with how often the neighbour was seen: 0 favours the popular, 0.5 is
/// the cosine's own share. Between is best on real ratings.
const POPULARITY_DAMPING: f32 = 0.3;
/// How the gain falls with the distance in the user's history: `1 / (1 + d)^0.3`.
const DISTANCE_DAMPING: f32 = 0.3;
/// How a row's say falls with how often its item was seen.
const ROW_DAMPING: f32 = 0.5;
/// Half-lives after which a row's numbers are brought to a new time: 2^16 leaves an `f32` all of its digits.
const MOST_HALF_LIVES: f64 = 16.0;
/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// An item's counts and neighbours.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Users who liked the item.
    pub liked: u32,
    /// The same with decay, as the boards hold it; `None` before the first.
    pub fresh: Option<f64>,
    /// Event time at which a gain counts 1.
    base_ms: u64,
    /// Users who came to the item, fading as gains do.
    seen: f32,
    /// With what each has gained.
    neighbours: Neighbours,
}

/// How gains fade.
#[derive(Debug, Clone, Copy)]
pub struct Fading {
    /// Event time at which they are looked at, in milliseconds.
    pub now_ms: u64,
    /// Days of event time after which a gain counts half.
    pub half_life_days: f64,
}

/// How rows learn.
#[derive(Debug, Clone, Copy)]
pub struct Learning {
    /// How what was learnt before fades.
    pub fading: Fading,
    /// The user's latest items that a new one becomes a neighbour of.
    pub window: usize,
    /// Neighbours kept of an item.
    pub neighbours: usize,
    /// Days of event time after which a like counts half for freshness.
    pub half_life_days: f64,
}

impl Row {
    /// A user has come to the item for the first time.
    pub fn see(&mut self, evidence: Evidence, learning: Learning) {
        self.seen += self.gain_now(learning.fading);
        if evidence.is_positive {
            self.liked += 1;
            self.fresh = Some(freshness::with_like(
                self.fresh,
                learning.fading.now_ms,
                learning.half_life_days,
            ));
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
        let fading = learning.fading;
        let (own_gain, rarity) = (self.gain_now(fading), self.rarity(POPULARITY_DAMPING, fading));
        let mut changed = 0;
        for (distance, (visit, row)) in before.take(learning.window).enumerate() {
            let gain = evidence.weight * visit.weight * (1.0 + distance as f32).powf(-DISTANCE_DAMPING);
            let theirs = gain * rarity * row.gain_now(fading);
            row.neighbours.strengthen(item, theirs, learning.neighbours);
            let ours = gain * row.rarity(POPULARITY_DAMPING, fading) * own_gain;
            self.neighbours.strengthen(visit.item, ours, learning.neighbours);
            changed += 1;
        }
        changed
    }

    /// What the row says for each neighbour to a user whose visit of the item counted `weight`.
    pub fn votes(&self, weight: f32, fading: Fading) -> impl Iterator<Item = (Item, f32)> {
        let say = weight * self.rarity(ROW_DAMPING, fading) / self.growth(fading);
        self.neighbours.iter().map(move |(item, gain)| (item, gain * say))
    }

    /// What a gain of now counts in the numbers of the row. They are brought to a new time where it would count too
    /// much.
    fn gain_now(&mut self, fading: Fading) -> f32 {
        if self.half_lives(fading) > MOST_HALF_LIVES {
            let faded = 1.0 / self.growth(fading);
            self.seen *= faded;
            self.neighbours.scale(faded);
            self.base_ms = fading.now_ms;
        }
        self.growth(fading)
    }

    /// A row of long before is nothing beside a gain of now, and an event of long before is nothing beside the row.
    fn growth(&self, fading: Fading) -> f32 {
        self.half_lives(fading).clamp(-100.0, 100.0).exp2() as f32
    }

    fn half_lives(&self, fading: Fading) -> f64 {
        (fading.now_ms as f64 - self.base_ms as f64) / (fading.half_life_days * DAY_MS)
    }

    fn rarity(&self, damping: f32, fading: Fading) -> f32 {
        (self.seen / self.growth(fading)).max(1.0).powf(-damping)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fading, Learning, Row};
    use crate::{evidence::Evidence, item::Item, profile::Visit};

    const LIKE: Evidence = Evidence {
        is_positive: true,
        weight: 1.0,
    };

    fn fading_at(day: u64) -> Fading {
        Fading {
            now_ms: day * 86_400_000,
            half_life_days: 10.0,
        }
    }

    fn at(day: u64) -> Learning {
        Learning {
            fading: fading_at(day),
            window: 5,
            neighbours: 10,
            half_life_days: 30.0,
        }
    }

    fn vote_at(row: &Row, day: u64) -> f32 {
        row.votes(1.0, fading_at(day)).map(|(_, vote)| vote).sum()
    }

    /// A row whose one neighbour came at day 1,000.
    fn joined() -> Row {
        let (mut row, mut other) = (Row::default(), Row::default());
        let visit = Visit {
            item: Item::of("other"),
            weight: 1.0,
        };
        row.see(LIKE, at(1_000));
        row.join(
            Item::of("own"),
            LIKE,
            [(visit, &mut other)].into_iter(),
            at(1_000),
        );
        row
    }

    #[test]
    fn a_neighbour_counts_half_after_a_half_life() {
        let row = joined();
        assert!((vote_at(&row, 1_010) / vote_at(&row, 1_000) - 0.5).abs() < 1e-4);
    }

    #[test]
    fn numbers_stay_finite_however_much_time_goes_by() {
        let mut row = joined();
        for day in [2_000, 4_000, 1_000_000, 3, 1_000_000] {
            row.see(LIKE, at(day));
            assert!(vote_at(&row, day).is_finite() && row.seen.is_finite());
        }
        assert!(vote_at(&row, 1_000_000) < 1e-6, "long forgotten");
    }
}
