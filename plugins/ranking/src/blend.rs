//! One score from several signals.
//!
//! The signals live on different scales (a count, an inner product), so each is divided by its best
//! candidate's before it is weighed. What the user has seen is left out first: it would set the scale
//! and is never offered.

use std::hash::BuildHasherDefault;

use serde::{Deserialize, Serialize};
use tailrace_sdk::schemars::JsonSchema;

use crate::{
    bounds::within,
    item::{Item, ItemMap},
    profile::Profile,
};

/// What each signal counts for. Each signal is scaled so that its best candidate has 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars")]
pub struct Weights {
    /// Items found together with the user's latest. Default 1.0.
    pub co_occurrence: f32,
    /// Nearness of the item's vector to the user's. Default 0.5.
    pub similarity: f32,
    /// Positive events of all time. Default 0.1.
    pub popularity: f32,
    /// Positive events, the recent ones more. Default 0.1.
    pub freshness: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            co_occurrence: 1.0,
            similarity: 0.5,
            popularity: 0.1,
            freshness: 0.1,
        }
    }
}

impl Weights {
    /// Whether the weights are within their bounds.
    pub fn check(&self) -> Result<(), String> {
        within("weights.co-occurrence", &self.co_occurrence, &(0.0..=1e6))?;
        within("weights.similarity", &self.similarity, &(0.0..=1e6))?;
        within("weights.popularity", &self.popularity, &(0.0..=1e6))?;
        within("weights.freshness", &self.freshness, &(0.0..=1e6))
    }
}

/// Candidates of all signals together, about.
const EXPECTED: usize = 1_000;

/// Candidates of all signals, with the sum of their weighed scores.
pub struct Blend<'a> {
    profile: &'a Profile,
    totals: ItemMap<f32>,
}

impl<'a> Blend<'a> {
    /// Without candidates, for this user.
    pub fn new(profile: &'a Profile) -> Self {
        Self {
            profile,
            // Grown step by step, the table would take as long as all of the rest.
            totals: ItemMap::with_capacity_and_hasher(EXPECTED, BuildHasherDefault::default()),
        }
    }

    /// Adds a signal: candidates with their score, each once; those that are not positive speak for nothing.
    /// A signal without weight adds no candidates either.
    pub fn add(&mut self, weight: f32, candidates: impl IntoIterator<Item = (Item, f32)>) {
        if weight == 0.0 {
            return;
        }
        let candidates = candidates.into_iter();
        let offered: Vec<(Item, f32)> = candidates
            .filter(|(item, score)| *score > 0.0 && !self.profile.has_seen(*item))
            .collect();
        let best = offered.iter().map(|(_, score)| *score).fold(0.0, f32::max);
        for (item, score) in offered {
            *self.totals.entry(item).or_default() += weight * score / best;
        }
    }

    /// The best candidates, best first; ties by hash, so that a replay gives the same list.
    pub fn best(self, most: usize) -> Vec<(Item, f32)> {
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
