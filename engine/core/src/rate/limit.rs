//! A limit, as people write it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Span};

/// Shortest time that a limit may be for: below it a limit is mostly a matter of timers.
pub const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
/// Longest time that a limit may be for.
pub const LONGEST_WINDOW: Duration = Duration::from_hours(24);
/// Largest limit: its product with the longest window in nanoseconds is far below what is calculated
/// with.
pub const LARGEST_LIMIT: u64 = 1 << 50;

/// The window of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RateWindow {
    /// One window follows the other, and each takes the whole limit.
    Fixed,
    /// The window is the last `per` at any moment, as a weighted count of two windows.
    #[default]
    Sliding,
}

/// A rate: a count within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a limit, as in { limit: 1000, per: 1s }"
)]
pub struct Rate {
    /// The count that is allowed, at least 1.
    pub limit: u64,
    /// The time within which it is allowed, from 100ms to 24h.
    #[serde(default = "a_second")]
    pub per: Span,
    /// The kind of window.
    #[serde(default)]
    pub window: RateWindow,
}

/// A rate of bytes: a size within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a limit, as in { limit: 1MiB, per: 1s }"
)]
pub struct ByteRate {
    /// The size that is allowed, at least 1.
    pub limit: Bytes,
    /// The time within which it is allowed, from 100ms to 24h.
    #[serde(default = "a_second")]
    pub per: Span,
    /// The kind of window.
    #[serde(default)]
    pub window: RateWindow,
}

fn a_second() -> Span {
    Span::from_millis(1_000)
}

impl From<ByteRate> for Rate {
    fn from(rate: ByteRate) -> Self {
        Self {
            limit: rate.limit.0,
            per: rate.per,
            window: rate.window,
        }
    }
}

impl Rate {
    /// So many a second, sliding.
    pub fn a_second(limit: u64) -> Self {
        Self {
            limit,
            per: a_second(),
            window: RateWindow::default(),
        }
    }

    /// What is wrong with it, if anything is: the field, and what would be right.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(1..=LARGEST_LIMIT).contains(&self.limit) {
            let hint = format!("1 to {LARGEST_LIMIT} are allowed; to stop a pipeline, pause it");
            return Err(("limit", hint));
        }
        if !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&self.per.0) {
            return Err(("per", "100ms to 24h are allowed".to_owned()));
        }
        Ok(())
    }

    /// The part of the limit that falls to one of several who share it; at least 1, for a share of
    /// nothing would be a stop.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        let whole = whole.max(1);
        let limit = u128::from(self.limit) * u128::from(part.min(whole)) / u128::from(whole);
        Self {
            limit: u64::try_from(limit).unwrap_or(self.limit).max(1),
            ..self
        }
    }
}
