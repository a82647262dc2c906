//! What a pipeline may set, with the defaults that did best on the MovieLens ratings.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Fields, schemars::JsonSchema};

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
    /// Collection of the users' vectors. Default `users`.
    pub users: String,
    /// Collection of the items' vectors. Default `items`.
    pub items: String,
    /// Length of a vector; both collections must have the same. 1 to 1,024. Default 32.
    pub dimensions: usize,
    /// Items drawn at random for each positive event. 1 to 100. Default 10.
    pub negatives: usize,
    /// How far one comparison moves the vectors. Above 0, at most 1. Default 0.1.
    pub learning_rate: f32,
    /// How strongly the vectors are drawn to zero. 0 to 1. Default 0.01.
    pub regularisation: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            user: "user".to_owned(),
            item: "item".to_owned(),
            rating: Some("rating".to_owned()),
            positive: 4.0,
            users: "users".to_owned(),
            items: "items".to_owned(),
            dimensions: 32,
            negatives: 10,
            learning_rate: 0.1,
            regularisation: 0.01,
        }
    }
}

/// A vector of 1,024 numbers is 4 KiB, and an event writes up to 102 of them.
const DIMENSIONS: RangeInclusive<usize> = 1..=1024;
/// Each costs two reads and a write through the host.
const NEGATIVES: RangeInclusive<usize> = 1..=100;

impl Config {
    /// Whether the values are within their bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        within("dimensions", &self.dimensions, &DIMENSIONS)?;
        within("negatives", &self.negatives, &NEGATIVES)?;
        within("regularisation", &self.regularisation, &(0.0..=1.0))?;
        within("learning-rate", &self.learning_rate, &(f32::MIN_POSITIVE..=1.0))?;
        if self.users == self.items {
            return Err(format!(
                "config.items: {:?} is the users' collection too; name another",
                self.items
            ));
        }
        Ok(())
    }

    pub(crate) fn is_positive(&self, fields: &Fields) -> Result<bool, Failure> {
        match &self.rating {
            Some(rating) => Ok(fields.number(rating)? >= self.positive),
            None => Ok(true),
        }
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    Err(format!(
        "config.{name}: {value} lies outside {} to {}",
        range.start(),
        range.end()
    ))
}
