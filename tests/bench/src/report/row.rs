//! One measurement: its rounds, what it is held against, and the budget that it has to keep.

use serde::{Deserialize, Serialize};

/// Rounds in short.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Figure {
    /// Of these rounds; none count as 0.
    pub fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self {
            median: at(sorted.len() / 2),
            least: at(0),
            greatest: at(sorted.len().saturating_sub(1)),
        }
    }
}

/// A measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Unit of the rounds.
    pub unit: String,
    /// A figure a round.
    pub rounds: Vec<f64>,
    /// The row of the same section that it is held against.
    #[serde(default)]
    pub against: Option<String>,
    /// What it has to keep.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// What else was measured in the same rounds: name, median, unit.
    #[serde(default)]
    pub also: Vec<(String, f64, String)>,
}

impl Row {
    /// A row with nothing beside it.
    pub fn new(what: impl Into<String>, unit: &str, rounds: Vec<f64>) -> Self {
        Self {
            what: what.into(),
            unit: unit.to_owned(),
            rounds,
            against: None,
            budget: None,
            also: Vec::new(),
        }
    }

    /// Of another unit.
    #[must_use]
    pub fn counting(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    /// Held against another row.
    #[must_use]
    pub fn against(mut self, other: Option<impl Into<String>>) -> Self {
        self.against = other.map(Into::into);
        self
    }

    /// With a budget.
    #[must_use]
    pub fn budget(mut self, budget: Option<Budget>) -> Self {
        self.budget = budget;
        self
    }

    /// With what else was measured, as the median of its rounds.
    #[must_use]
    pub fn also(mut self, name: &str, rounds: &[f64], unit: &str) -> Self {
        let median = Figure::of(rounds).median;
        self.also.push((name.to_owned(), median, unit.to_owned()));
        self
    }

    /// The rounds in short.
    pub fn figure(&self) -> Figure {
        Figure::of(&self.rounds)
    }
}

/// A bound on a row's median or on its ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// The ratio is this or more.
    RatioAtLeast(f64),
    /// The ratio is this or less.
    RatioAtMost(f64),
    /// The median is this or more.
    AtLeast(f64),
    /// The median is this or less.
    AtMost(f64),
}

impl Budget {
    /// Whether a row keeps it; nobody knows where the other row was not measured.
    pub fn holds(&self, row: &Row, ratio: Option<Figure>) -> Option<bool> {
        let (median, ratio) = (row.figure().median, ratio.map(|ratio| ratio.median));
        match self {
            Self::RatioAtLeast(bound) => ratio.map(|ratio| ratio >= *bound),
            Self::RatioAtMost(bound) => ratio.map(|ratio| ratio <= *bound),
            Self::AtLeast(bound) => Some(median >= *bound),
            Self::AtMost(bound) => Some(median <= *bound),
        }
    }
}
