//! A section: rows that are compared with each other.

use serde::Serialize;

use super::{
    number::number,
    row::{Figure, Row},
};

/// Rows of one subject, each told from the others by `what`.
#[derive(Debug, Serialize)]
pub struct Section {
    /// Its title.
    pub heading: String,
    /// What was done, and how to read it.
    pub about: String,
    /// The measurements.
    pub rows: Vec<Row>,
    /// What of it failed, and why.
    pub failures: Vec<String>,
}

impl Section {
    /// An empty one.
    pub fn new(heading: &str, about: &str) -> Self {
        Self {
            heading: heading.to_owned(),
            about: about.to_owned(),
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds a row and shows it, for a whole run takes minutes. One without a round is none.
    pub fn push(&mut self, row: Row) {
        if row.rounds.is_empty() {
            return;
        }
        println!("  {}: {} {}", row.what, number(row.figure().median), row.unit);
        self.rows.push(row);
    }

    /// Notes that the measurement of one row failed; the others go on.
    pub fn fail(&mut self, what: &str, cause: &anyhow::Error) {
        println!("    {what} failed: {cause:#}");
        self.failures.push(format!("{}, {what}: {cause:#}", self.heading));
    }

    /// A row over the one that it is held against: round by round, where there are as many.
    pub fn ratio(&self, row: &Row) -> Option<Figure> {
        let other = self
            .rows
            .iter()
            .find(|other| Some(&other.what) == row.against.as_ref())?;
        if row.rounds.len() != other.rounds.len() {
            return Some(Figure::of(&[row.figure().median / other.figure().median]));
        }
        let pairs = row.rounds.iter().zip(&other.rounds);
        let ratios: Vec<f64> = pairs.map(|(one, other)| one / other).collect();
        Some(Figure::of(&ratios))
    }
}
