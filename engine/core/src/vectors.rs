//! How collections of vectors are compared and searched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The comparison of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The inner product. A higher score is nearer.
    #[default]
    Dot,
    /// The cosine of the angle. A higher score is nearer.
    Cosine,
    /// The Euclidean distance. The score is its negative, so a higher score is nearer.
    Euclidean,
}

/// The way in which a collection is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// The search is exact while that is fast. A large collection uses an index, which may miss a near vector.
    /// After a restart it may miss another one.
    #[default]
    Auto,
    /// The search is exact at any size and gives the same answers on every run.
    Exact,
}
