//! One rating.

use serde::Serialize;

/// One rating, as it is published.
#[allow(clippy::struct_field_names, reason = "the fields are those of the events")]
#[derive(Debug, Clone, Serialize)]
pub struct Rating {
    /// The user.
    pub user: String,
    /// The film.
    pub item: String,
    /// Its title.
    pub title: String,
    /// From 0.5 to 5.
    pub rating: f64,
    /// When, in milliseconds since 1970.
    pub ts: u64,
}

/// From here on a rating is positive.
const POSITIVE: f64 = 4.0;

impl Rating {
    /// Whether the user liked the film.
    pub fn is_positive(&self) -> bool {
        self.rating >= POSITIVE
    }
}
