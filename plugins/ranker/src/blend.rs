//! One score from several signals.
//!
//! The signals live on different scales (a count, an inner product), so each is divided by its best
//! candidate's before it is weighed. What the user has seen is left out first: it would set the scale
//! and is never offered.

use crate::{
    item::{Item, ItemMap},
    profile::Profile,
};

/// Candidates of all signals, with the sum of their weighed scores.
pub(crate) struct Blend<'a> {
    profile: &'a Profile,
    totals: ItemMap<f32>,
}

impl<'a> Blend<'a> {
    pub(crate) fn new(profile: &'a Profile) -> Self {
        Self {
            profile,
            totals: ItemMap::default(),
        }
    }

    /// Adds a signal: candidates with their score; an item's scores are added up, and those that are
    /// not positive speak for nothing. A signal without weight adds no candidates either.
    pub(crate) fn add(&mut self, weight: f32, candidates: impl IntoIterator<Item = (Item, f32)>) {
        if weight == 0.0 {
            return;
        }
        let mut sums: ItemMap<f32> = ItemMap::default();
        for (item, score) in candidates {
            if score > 0.0 && !self.profile.has_seen(item) {
                *sums.entry(item).or_default() += score;
            }
        }
        let best = sums.values().copied().fold(0.0, f32::max);
        for (item, score) in sums {
            *self.totals.entry(item).or_default() += weight * score / best;
        }
    }

    /// The best candidates, best first; ties by hash, so that a replay gives the same list.
    pub(crate) fn best(self, most: usize) -> Vec<(Item, f32)> {
        let better =
            |left: &(Item, f32), right: &(Item, f32)| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0));
        let mut all: Vec<(Item, f32)> = self.totals.into_iter().collect();
        if all.len() > most {
            all.select_nth_unstable_by(most, better);
            all.truncate(most);
        }
        all.sort_unstable_by(better);
        all
    }
}
