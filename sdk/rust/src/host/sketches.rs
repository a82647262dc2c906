//! The pipeline's sketches: fed by a plugin, and read as of the last commit before the batch of its event.

use super::Port;
use crate::Frequency;

/// The sketches of a pipeline, by name. Reads answer as of the last commit before the batch of this event. A sketch with
/// windows or groups takes updates, and a plugin cannot read it.
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

/// Feeds and reads sketches. The manifest must declare each name.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// fn is_unusual(host: &mut Host<'_>, amount: f64) -> bool {
///     let usual = host.sketches().quantile("amounts", 0.99);
///     host.sketches().observe("amounts", amount);
///     usual.is_some_and(|usual| amount > 2.0 * usual)
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

    /// Returns the quantile `q`, from 0 to 1, of a sketch of quantiles. An empty sketch has none.
    pub fn quantile(&mut self, name: &str, q: f64) -> Option<f64> {
        self.port.sketch_quantile(name, q)
    }

    /// Returns how many different items a sketch of distinct items has seen.
    pub fn estimate(&mut self, name: &str) -> u64 {
        self.port.sketch_estimate(name, None)
    }

    /// Returns how often a sketch of the most frequent items has counted an item, never too low.
    pub fn estimate_of(&mut self, name: &str, item: &str) -> u64 {
        self.port.sketch_estimate(name, Some(item))
    }

    /// Returns at most `limit` of the most frequent items, the most frequent first.
    pub fn top(&mut self, name: &str, limit: u32) -> Vec<Frequency> {
        self.port.sketch_top(name, limit)
    }

    /// Returns how many values, items or occurrences a sketch has taken in.
    pub fn total(&mut self, name: &str) -> u64 {
        self.port.sketch_total(name)
    }
}
