//! Feeding the pipeline's sketches. They are write-only here: a plugin that decided by an estimate
//! would no longer be a function of its state.

use super::Port;

/// The sketches of a pipeline, by name. A plugin can only write to them.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.sketches().observe("amounts", event.json()?);
///         host.sketches().distinct("users", &event.key);
///         Ok(Verdict::Drop)
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.send(Event::new("shop.orders", "7.5").with_key("ada")).unwrap();
/// assert_eq!(host.sketches().quantiles["amounts"], [7.5]);
/// # Ok::<(), String>(())
/// ```
pub struct Sketches<'a> {
    port: Port<'a>,
}

/// Feeds sketches. The manifest must declare each name.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// fn count(host: &mut Host<'_>, title: &str) {
///     host.sketches().count("titles", title, 1);
/// }
/// ```
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

    /// Adds `times` occurrences of an item to a sketch of the most frequent items.
    pub fn count(&mut self, name: &str, item: &str, times: u64) {
        self.port.sketch_count(name, item, times);
    }
}
