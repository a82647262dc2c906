//! Joins.

mod edges;
mod equal;
mod model;
