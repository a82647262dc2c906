//! Alarms: a rule over a number that a pipeline shows, and what it does over time.
//!
//! [`parse`] reads a rule (`dead-letter-ratio > 0.01 for 1m`), [`numbers`] says what the numbers are,
//! [`machine`] decides when an alarm fires and when it is over, [`memory`] is what survives a restart,
//! [`notice`] what is sent. All of it is pure: time and numbers come in, decisions come out. Who asks
//! the engines, keeps the memory and sends is `tailrace_control::alarms`.
//!
//! Why: docs/decisions/0033-alarms-are-remembered-by-the-broker.md

pub mod machine;
pub mod memory;
pub mod notice;
pub mod numbers;
pub mod parse;
pub mod tables;

use std::{fmt, time::Duration};

/// A rule, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What is looked at.
    pub quantity: Quantity,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: f64,
    /// For how long it must hold before the alarm fires, and for how long it must not before it is over.
    pub hold: Duration,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// A number that every pipeline, or every engine, shows; see [`numbers`].
    Metric(&'static str),
    /// An answer of a sketch of the pipeline.
    Sketch {
        /// Its name.
        name: String,
        /// What is asked of it.
        aspect: Aspect,
        /// Over how much event time, back from the newest clock; all time where nothing is said.
        over: Option<Duration>,
    },
}

/// What is asked of a sketch.
#[derive(Debug, Clone, PartialEq)]
pub enum Aspect {
    /// Of `quantiles`: a quantile, from 0 to 1.
    Quantile(f64),
    /// Of `quantiles`: the smallest value.
    Min,
    /// Of `quantiles`: the largest value.
    Max,
    /// Of `quantiles`: the sum of all values.
    Sum,
    /// Of any: how many values it rests on.
    Count,
    /// Of `distinct`: different items.
    Distinct,
    /// Of `top`: how often an item came.
    Top(String),
    /// Of `quantiles`, `top` and `distinct`: how far the last stretch of event time is from the one before it, which is
    /// so long.
    Drift(Duration),
}

/// How a value is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Comparison {
    /// Whether it holds.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }
}

impl Rule {
    /// Whether this value breaks it. A number that is not there, such as the quantile of nothing, does not.
    pub fn is_broken(&self, value: Option<f64>) -> bool {
        value.is_some_and(|value| self.comparison.holds(value, self.threshold))
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(share) => write!(f, "p{}", share * 100.0),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Sum => f.write_str("sum"),
            Self::Count => f.write_str("count"),
            Self::Distinct => f.write_str("distinct"),
            Self::Top(item) => write!(f, "top({item})"),
            Self::Drift(_) => f.write_str("drift"),
        }
    }
}
