//! Answers: the estimate, the bound of its error, and the count that it rests on.

use serde::Serialize;

use crate::{
    Bound, Kind, Sketch,
    distinct::STANDARD_ERROR,
    quantiles::RELATIVE_ERROR,
    top::{DELTA, EPSILON},
};

/// Quantiles shown where none are asked for.
const DEFAULT_QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// What is asked of a sketch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Quantiles, from 0 to 1; a usual handful where empty.
    pub quantiles: Vec<f64>,
    /// Hash of an item, for `seen`; see [`crate::hash_item`].
    pub item_hash: Option<u64>,
    /// An item, for `top`.
    pub item: Option<String>,
}

/// A sketch's answer.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "SketchReport")]
pub struct Report {
    /// What it measures.
    pub kind: Kind,
    /// How many values it rests on.
    pub count: u64,
    /// How far off the answer may be.
    pub bound: Bound,
    /// The bound in words.
    pub accuracy: String,
    /// The answer.
    pub answer: Answer,
}

/// An answer, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "SketchAnswer")]
#[serde(untagged)]
pub enum Answer {
    /// Of `quantiles`.
    Quantiles {
        /// Pairs of a share and its value.
        quantiles: Vec<(f64, Option<f64>)>,
        /// Smallest value, exact.
        min: Option<f64>,
        /// Largest value, exact.
        max: Option<f64>,
        /// Sum of all values.
        sum: Option<f64>,
    },
    /// Of `distinct`.
    Distinct {
        /// Different items.
        distinct: f64,
    },
    /// Of `top`.
    Top {
        /// Pairs of an item and its count, highest first.
        items: Vec<(String, u64)>,
        /// Count of the item that was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        asked: Option<u64>,
    },
    /// Of `seen`.
    Seen {
        /// Whether the item that was asked for seems to be known.
        #[serde(skip_serializing_if = "Option::is_none")]
        seen: Option<bool>,
    },
    /// Of `sample`.
    Sample {
        /// The sample.
        items: Vec<String>,
    },
}

impl Report {
    fn of(sketch: &Sketch, query: &Query) -> Self {
        let (bound, answer) = match sketch {
            Sketch::Quantiles(sketch) => {
                let asked = if query.quantiles.is_empty() {
                    &DEFAULT_QUANTILES[..]
                } else {
                    &query.quantiles
                };
                let quantiles = asked.iter().map(|q| (*q, sketch.quantile(*q))).collect();
                let (min, max) = sketch.range().unzip();
                let answer = Answer::Quantiles {
                    quantiles,
                    min,
                    max,
                    sum: sketch.sum(),
                };
                (
                    Bound::Relative {
                        error: RELATIVE_ERROR,
                    },
                    answer,
                )
            }
            Sketch::Distinct(sketch) => (
                Bound::StandardError {
                    error: STANDARD_ERROR,
                },
                Answer::Distinct {
                    distinct: sketch.estimate().round(),
                },
            ),
            Sketch::Top(sketch) => {
                let error = (EPSILON * sketch.total() as f64).ceil() as u64;
                let bound = if sketch.is_exact() {
                    Bound::Exact
                } else {
                    Bound::Above {
                        error,
                        probability: 1.0 - DELTA,
                    }
                };
                let items = sketch
                    .list()
                    .into_iter()
                    .map(|(item, count)| (item.to_owned(), count))
                    .collect();
                (
                    bound,
                    Answer::Top {
                        items,
                        asked: query.item.as_ref().map(|item| sketch.estimate(item)),
                    },
                )
            }
            Sketch::Seen(sketch) => {
                let bound = Bound::FalsePositive {
                    probability: sketch.false_positive_rate(),
                };
                (
                    bound,
                    Answer::Seen {
                        seen: query.item_hash.map(|hash| sketch.contains(hash)),
                    },
                )
            }
            Sketch::Sample(sketch) => (
                sketch.bound(),
                Answer::Sample {
                    items: sketch.items().map(str::to_owned).collect(),
                },
            ),
        };
        Self {
            kind: sketch.kind(),
            count: sketch.count(),
            accuracy: in_words(sketch.kind(), &bound),
            bound,
            answer,
        }
    }
}

impl Sketch {
    /// Its answer, with the bound and the count that it rests on.
    pub fn report(&self, query: &Query) -> Report {
        Report::of(self, query)
    }
}

fn in_words(kind: Kind, bound: &Bound) -> String {
    match (kind, bound) {
        (Kind::Sample, Bound::StandardError { error }) => format!(
            "uniform sample: a share of it has a standard error of at most {:.1} percentage points",
            error * 100.0
        ),
        _ => bound.to_string(),
    }
}
