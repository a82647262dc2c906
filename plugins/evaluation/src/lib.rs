//! How good recommendations are: recall at 10 of the next film.
//!
//! Before each positive rating of a user who has a list, is the film on the user's latest list? Popularity and plain
//! item-item cosine are judged the same way, at the same moments; what the user has rated is left out.
//!
//! The demonstration judges the engine's own outputs so, and the tests of the ranker the same plugins without an engine.

mod cosine;
mod judge;
mod popularity;
mod rating;
mod visits;

pub use judge::{Hits, Judge, Recalls, TOP};
pub use rating::Rating;
pub use visits::shuffled;
