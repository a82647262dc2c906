//! Feeding the pipeline's sketches. They are write-only here: a plugin that decided by an estimate
//! would no longer be a function of its state.

use super::Port;

/// The sketches of a pipeline, by name.
pub struct Sketches<'a> {
    port: Port<'a>,
}

impl<'a> Sketches<'a> {
    pub(super) fn new(port: Port<'a>) -> Self {
        Self { port }
    }

    /// Adds a value to a sketch of quantiles.
    pub fn observe(&mut self, name: &str, value: f64) {
        self.port.sketch_observe(name, value);
    }

    /// Adds an item to a sketch of distinct items.
    pub fn distinct(&mut self, name: &str, item: &str) {
        self.port.sketch_distinct(name, item);
    }

    /// Adds `times` occurrences of an item to a sketch of the most frequent.
    pub fn count(&mut self, name: &str, item: &str, times: u64) {
        self.port.sketch_count(name, item, times);
    }
}
