//! Windows.

mod changed;
mod edges;
mod equal;
mod model;
mod nexmark;
