//! How far an answer may be from the truth.

use std::fmt;

use serde::Serialize;

/// How far an estimate may be from the truth.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "SketchBound")]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Bound {
    /// The answer is exact.
    Exact,
    /// Off by at most this share of the true value.
    Relative {
        /// The share.
        error: f64,
    },
    /// Off by this share of the true value, as a standard deviation. For `sample` it is the most by which a share of
    /// the sample is off.
    StandardError {
        /// The share.
        error: f64,
    },
    /// Never too low; too high by at most `error`, with this probability.
    Above {
        /// In the unit of the counts.
        error: u64,
        /// From 0 to 1.
        probability: f64,
    },
    /// Yes is wrong with this probability; no is never wrong.
    FalsePositive {
        /// From 0 to 1.
        probability: f64,
    },
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Relative { error } => write!(f, "within {:.3} % of the true value", error * 100.0),
            Self::StandardError { error } => write!(
                f,
                "standard error {:.2} %: 95 of 100 answers are within {:.2} % of the true value",
                error * 100.0,
                error * 196.0
            ),
            Self::Above { error, probability } => write!(
                f,
                "never too low, and too high by at most {error} with probability {probability:.3}"
            ),
            Self::FalsePositive { probability } => {
                write!(
                    f,
                    "no is certain, yes is wrong with probability {probability:.2e}"
                )
            }
        }
    }
}
