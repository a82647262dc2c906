//! What a pipeline may set, with the defaults of `ranker`.

use ranking::{
    bounds::within,
    evidence::Reading,
    row::{Fading, Learning},
};
use serde::{Deserialize, Serialize};
use tailrace_sdk::schemars::JsonSchema;

use crate::learned::Growth;

/// The step's config. Every field may be left out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars")]
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
    /// Collection of the items' vectors. Default `items`.
    pub items: String,
    /// Items with the nearest vectors that are published with an item. 0 to 200. Default 100.
    pub similar: usize,
    /// Days of event time after which an event counts half for freshness. Above 0. Default 30.
    pub half_life_days: f64,
    /// Days of event time after which it counts half that items came together. Above 0. Default 365.
    pub row_half_life_days: f64,
    /// The user's latest items that a new one becomes a neighbour of. 0 to 50. Default 12.
    pub window: usize,
    /// Neighbours kept of an item. 10 to 1,000. Default 200.
    pub neighbours: usize,
    /// By which share the changes of an item must have grown before it is published again, when the user has gone on by
    /// `window` items and so changes it no more. 0 to 10. Default 0.02.
    pub settled_growth: f64,
    /// The same before the user has gone on. 0 publishes an item at each change. 0 to 10. Default 0.25.
    pub growth: f64,
    /// Positive events after which the boards of leading items are published again. 1 to 1,000. Default 20.
    pub boards_every: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user: "user".to_owned(),
            item: "item".to_owned(),
            rating: Some("rating".to_owned()),
            positive: 4.0,
            weak: 0.5,
            items: "items".to_owned(),
            similar: 100,
            half_life_days: 30.0,
            row_half_life_days: 365.0,
            window: 12,
            neighbours: 200,
            settled_growth: 0.02,
            growth: 0.25,
            boards_every: 20,
        }
    }
}

impl Config {
    /// Whether the values are within their bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        within("weak", &self.weak, &(0.0..=1.0))?;
        within("similar", &self.similar, &(0..=200))?;
        within("half-life-days", &self.half_life_days, &(1e-3..=1e6))?;
        within("row-half-life-days", &self.row_half_life_days, &(1e-3..=1e6))?;
        within("window", &self.window, &(0..=50))?;
        within("neighbours", &self.neighbours, &(10..=1_000))?;
        within("settled-growth", &self.settled_growth, &(0.0..=10.0))?;
        within("growth", &self.growth, &(0.0..=10.0))?;
        within("boards-every", &self.boards_every, &(1..=1_000))
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            rating: self.rating.as_deref(),
            positive: self.positive,
            weak: self.weak,
        }
    }

    pub(crate) fn growth(&self) -> Growth {
        Growth {
            settled: self.settled_growth,
            unsettled: self.growth,
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
