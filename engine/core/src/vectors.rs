//! How collections of vectors are compared and searched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Inner product; more is nearer.
    #[default]
    Dot,
    /// Cosine of the angle; more is nearer.
    Cosine,
    /// Euclidean distance; the score is its negative, so that more is nearer here too.
    Euclidean,
}

/// How a collection is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// Exactly while that is fast; in a large collection with an index, which may miss a near one, and
    /// after a restart another one.
    #[default]
    Auto,
    /// Exactly at any size: the same answers on every run.
    Exact,
}
