//! Joins.

mod changed;
mod edges;
mod equal;
mod model;
