//! One score from several signals.
//!
//! The signals live on different scales (a count, an inner product), so each is divided by its best
//! candidate's before it is weighed. What the user has seen is left out first: it would set the scale
//! and is never offered.

use crate::{item::Item, profile::Profile};

/// Candidates of all signals.
pub(crate) struct Blend<'a> {
    profile: &'a Profile,
    weighed: Vec<(Item, f32)>,
}

impl<'a> Blend<'a> {
    pub(crate) fn new(profile: &'a Profile) -> Self {
        Self {
            profile,
            weighed: Vec::new(),
        }
    }

    /// Adds a signal: candidates with their score; an item's scores are added up, and those that are
    /// not positive speak for nothing. A signal without weight adds no candidates either.
    pub(crate) fn add(&mut self, weight: f32, mut candidates: Vec<(Item, f32)>) {
        if weight == 0.0 {
            return;
        }
        candidates.retain(|(item, score)| *score > 0.0 && !self.profile.has_seen(*item));
        let candidates = added_up(candidates);
        let best = candidates.iter().map(|(_, score)| *score).fold(0.0, f32::max);
        let weighed = candidates
            .into_iter()
            .map(|(item, score)| (item, weight * score / best));
        self.weighed.extend(weighed);
    }

    /// All candidates, best first; ties by hash, so that a replay gives the same list.
    pub(crate) fn best_first(self) -> Vec<(Item, f32)> {
        let mut all = added_up(self.weighed);
        all.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        all
    }
}

/// Each item once, with the sum of its scores. The sort is stable: sums of floats depend on order.
fn added_up(mut scores: Vec<(Item, f32)>) -> Vec<(Item, f32)> {
    scores.sort_by_key(|(item, _)| *item);
    scores.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            kept.1 += later.1;
        }
        is_same
    });
    scores
}

#[cfg(test)]
mod tests {
    use super::added_up;
    use crate::item::Item;

    #[test]
    fn scores_of_an_item_are_added_up() {
        let (a, b) = (Item::of("a"), Item::of("b"));
        let mut sums = added_up(vec![(a, 1.0), (b, 2.0), (a, 0.5), (a, 0.25)]);
        sums.sort_by(|left, right| left.1.total_cmp(&right.1));
        assert_eq!(sums, [(a, 1.75), (b, 2.0)]);
    }
}
