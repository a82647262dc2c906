//! Every metric there is: the tables of [`pipelines`] and of the [`engine`].

mod engine;
mod pipelines;

use super::metric::Metric;

/// All of them, in the order in which they are documented: events, steps, commits, sketches, input, state,
/// engine.
pub(super) fn table() -> impl Iterator<Item = &'static Metric> {
    pipelines::TABLE.iter().chain(engine::TABLE)
}
