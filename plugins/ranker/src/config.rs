//! What a pipeline may set, with the defaults that did best on the MovieLens ratings.

use ranking::{
    blend::Weights,
    bounds::within,
    evidence::Reading,
    list::Fallback,
    row::{Fading, Learning},
};
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
    /// Days of event time after which it counts half that items came together. Above 0. Default 365.
    pub row_half_life_days: f64,
    /// The user's latest items that a new one becomes a neighbour of. 0 to 50. Default 12.
    pub window: usize,
    /// Neighbours kept of an item. 10 to 1,000. Default 200.
    pub neighbours: usize,
    /// Candidates taken from the nearest vectors, beyond what the user has seen. 0 to 1,000.
    /// Default 100.
    pub candidates: usize,
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
            users: "users".to_owned(),
            items: "items".to_owned(),
            list: 10,
            weights: Weights::default(),
            half_life_days: 30.0,
            row_half_life_days: 365.0,
            window: 12,
            neighbours: 200,
            candidates: 100,
            fallback: None,
        }
    }
}

impl Config {
    /// Whether the values are within their bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.weights.check()?;
        within("weak", &self.weak, &(0.0..=1.0))?;
        within("half-life-days", &self.half_life_days, &(1e-3..=1e6))?;
        within("row-half-life-days", &self.row_half_life_days, &(1e-3..=1e6))?;
        within("list", &self.list, &(1..=100))?;
        within("window", &self.window, &(0..=50))?;
        within("neighbours", &self.neighbours, &(10..=1_000))?;
        within("candidates", &self.candidates, &(0..=1_000))
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            rating: self.rating.as_deref(),
            positive: self.positive,
            weak: self.weak,
        }
    }

    /// How rows learn at a time.
    pub(crate) fn learning(&self, now_ms: u64) -> Learning {
        Learning {
            fading: Fading {
                now_ms,
                half_life_days: self.row_half_life_days,
            },
            window: self.window,
            neighbours: self.neighbours,
            half_life_days: self.half_life_days,
        }
    }
}
