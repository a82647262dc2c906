//! The kinds of sketches. Every other file may name them, so they stand alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a sketch measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "SketchKind")]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Quantiles of numbers (DDSketch).
    Quantiles,
    /// How many different items (HyperLogLog++).
    Distinct,
    /// The most frequent items (count-min and a list).
    Top,
    /// Whether an item came before (Bloom filter).
    Seen,
    /// A uniform sample (the items of the lowest ranks).
    Sample,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quantiles => "quantiles",
            Self::Distinct => "distinct",
            Self::Top => "top",
            Self::Seen => "seen",
            Self::Sample => "sample",
        })
    }
}
