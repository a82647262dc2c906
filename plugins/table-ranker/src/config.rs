//! What a pipeline may set, with the defaults of `ranker`.

use ranking::{blend::Weights, bounds::within, evidence::Reading, list::Fallback};
use serde::{Deserialize, Serialize};
use tailrace_sdk::schemars::JsonSchema;

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
    /// What an event below `positive` counts as evidence of what the user likes; a positive one counts 1.
    /// 0 to 1. Default 0.5.
    pub weak: f32,
    /// The table with the rows that `item-learner` publishes. Its scope is `everywhere`. Default `items`.
    pub table: String,
    /// Items in a list. 1 to 100. Default 10.
    pub list: usize,
    /// What each signal counts for.
    pub weights: Weights,
    /// The list that is kept for users who have none of their own. Default none.
    pub fallback: Option<Fallback>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user: "user".to_owned(),
            item: "item".to_owned(),
            rating: Some("rating".to_owned()),
            positive: 4.0,
            weak: 0.5,
            table: "items".to_owned(),
            list: 10,
            weights: Weights::default(),
            fallback: None,
        }
    }
}

impl Config {
    /// Whether the values are within their bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.weights.check()?;
        within("weak", &self.weak, &(0.0..=1.0))?;
        within("list", &self.list, &(1..=100))
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            rating: self.rating.as_deref(),
            positive: self.positive,
            weak: self.weak,
        }
    }
}
