//! What an event says of the user's liking.

use tailrace_sdk::{Failure, Fields};

/// What an event says of the user's liking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Whether the user liked the item.
    pub is_positive: bool,
    /// What it counts for co-occurrence, 0 to 1.
    pub weight: f32,
}

/// How a config reads the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The field with the rating; without it, every event is positive.
    pub rating: Option<&'a str>,
    /// From which rating on an event is positive.
    pub positive: f64,
    /// What an event below that counts.
    pub weak: f32,
}

impl Reading<'_> {
    /// What these fields say.
    pub fn of(self, fields: &Fields) -> Result<Evidence, Failure> {
        let is_positive = match self.rating {
            Some(rating) => fields.number(rating)? >= self.positive,
            None => true,
        };
        let weight = if is_positive { 1.0 } else { self.weak };
        Ok(Evidence { is_positive, weight })
    }
}
