//! What a pipeline may set, with the defaults that did best on the MovieLens ratings.

use std::{fmt::Display, ops::RangeInclusive};

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Fields, schemars::JsonSchema};

/// The step's config. Every field may be left out.
///
/// The schema says too which entry of state answers for users who have no list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars", extend("x-stand-ins" = { "list/": "fallback/list" }))]
pub struct Config {
    /// Field of the event that names the user: text or a whole number. Default `user`.
    pub user: String,
    /// Field that names the item. Default `item`.
    pub item: String,
    /// Field that says how much the user liked it, a number. `null`: every event is positive.
    /// Default `rating`.
    pub rating: Option<String>,
    /// From which rating on an event is positive. Default 4.0.
    pub positive: f64,
    /// What an event below `positive` counts as evidence that items go together; a positive one
    /// counts 1. It never counts as popular. 0 to 1. Default 0.5.
    pub weak: f32,
    /// Collection of the users' vectors. Default `users`.
    pub users: String,
    /// Collection of the items' vectors. Default `items`.
    pub items: String,
    /// Items in a list. 1 to 100. Default 10.
    pub list: usize,
    /// What each signal counts for.
    pub weights: Weights,
    /// Days of event time after which an event counts half for freshness. Above 0. Default 30.
    pub half_life_days: f64,
    /// The user's latest items whose neighbours are looked at. 1 to 50. Default 10.
    pub history: usize,
    /// The user's latest items that a new one becomes a neighbour of. 0 to `history`. Default 6.
    pub window: usize,
    /// Neighbours kept of an item. 10 to 1,000. Default 200.
    pub neighbours: usize,
    /// Candidates taken from the nearest vectors, beyond what the user has seen. 0 to 1,000.
    /// Default 100.
    pub candidates: usize,
    /// The list that is kept for users who have none of their own. Default none.
    pub fallback: Option<Fallback>,
}

/// A list for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Fallback {
    /// The items with the most positive events.
    Popular,
}

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

impl Default for Config {
    fn default() -> Self {
        Self {
            user: "user".to_owned(),
            item: "item".to_owned(),
            rating: Some("rating".to_owned()),
            positive: 4.0,
            weak: 0.5,
            users: "users".to_owned(),
            items: "items".to_owned(),
            list: 10,
            weights: Weights::default(),
            half_life_days: 30.0,
            history: 10,
            window: 6,
            neighbours: 200,
            candidates: 100,
            fallback: None,
        }
    }
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

/// What an event says of the user's liking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    /// Whether the user liked the item.
    pub(crate) is_positive: bool,
    /// What it counts for co-occurrence, 0 to 1.
    pub(crate) weight: f32,
}

impl Config {
    /// Whether the values are within their bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        let weights = self.weights;
        within("weights.co-occurrence", &weights.co_occurrence, &(0.0..=1e6))?;
        within("weights.similarity", &weights.similarity, &(0.0..=1e6))?;
        within("weights.popularity", &weights.popularity, &(0.0..=1e6))?;
        within("weights.freshness", &weights.freshness, &(0.0..=1e6))?;
        within("weak", &self.weak, &(0.0..=1.0))?;
        within("half-life-days", &self.half_life_days, &(1e-3..=1e6))?;
        within("list", &self.list, &(1..=100))?;
        within("history", &self.history, &(1..=50))?;
        within("window", &self.window, &(0..=self.history))?;
        within("neighbours", &self.neighbours, &(10..=1_000))?;
        within("candidates", &self.candidates, &(0..=1_000))
    }

    pub(crate) fn evidence(&self, fields: &Fields) -> Result<Evidence, Failure> {
        let is_positive = match &self.rating {
            Some(rating) => fields.number(rating)? >= self.positive,
            None => true,
        };
        let weight = if is_positive { 1.0 } else { self.weak };
        Ok(Evidence { is_positive, weight })
    }
}

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

impl Config {
    /// The freshness of an item after one more like.
    ///
    /// Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, 2009): instead of letting all old likes
    /// fade, a new one counts `2^(time / half-life)`, so that what is stored never has to be touched
    /// for time to pass. The logarithm of the sum is kept, which cannot overflow.
    pub(crate) fn freshness_with(&self, before: Option<f64>, now_ms: u64) -> f64 {
        let like = now_ms as f64 / (self.half_life_days * DAY_MS);
        let Some(before) = before else { return like };
        let (more, less) = (before.max(like), before.min(like));
        more + (less - more).exp2().ln_1p() / std::f64::consts::LN_2
    }
}

fn within<T: PartialOrd + Display>(name: &str, value: &T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    Err(format!(
        "config.{name}: {value} lies outside {} to {}",
        range.start(),
        range.end()
    ))
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn a_like_counts_half_after_a_half_life() {
        let config = Config {
            half_life_days: 1.0,
            ..Config::default()
        };
        let day_ms = 86_400_000;
        let twice_now = config.freshness_with(Some(config.freshness_with(None, day_ms)), day_ms);
        let once_later = config.freshness_with(None, 2 * day_ms);
        assert!(
            (twice_now - once_later).abs() < 1e-9,
            "two likes of yesterday are worth one of today"
        );
    }

    #[test]
    fn freshness_is_finite_at_any_time() {
        let config = Config {
            half_life_days: 1e-3,
            ..Config::default()
        };
        let far = config.freshness_with(Some(config.freshness_with(None, 0)), u64::MAX);
        assert!(far.is_finite());
    }
}
