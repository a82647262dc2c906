//! Tables: rows are taken once, and events find the row of the moment.

mod edges;
mod equal;
mod feed;
mod look_up;
mod upstream;
