//! Windows.

mod edges;
mod equal;
mod model;
mod nexmark;
