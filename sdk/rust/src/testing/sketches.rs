//! Sketches that are exact: they keep what they were given.

use std::collections::{BTreeMap, BTreeSet};

/// The values that plugins fed to the pipeline's sketches, by name. They are exact, so a test may compare them.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Keep;
///
/// impl Plugin for Keep {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Keep)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.sketches().distinct("users", &event.key);
///         Ok(Verdict::Forward)
///     }
/// }
///
/// let mut host = TestHost::of::<Keep>(())?;
/// host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
/// assert!(host.sketches().distinct["users"].contains("ada"));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Default, PartialEq)]
pub struct TestSketches {
    /// The values of `observe`, in order.
    pub quantiles: BTreeMap<String, Vec<f64>>,
    /// The items of `distinct`.
    pub distinct: BTreeMap<String, BTreeSet<String>>,
    /// The occurrences of each item of `count`.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
}

enum Update {
    Observe(f64),
    Distinct(String),
    Count(String, u64),
}

/// The sketches, and the updates of the event under way. Nobody reads a sketch within an event, so
/// its updates wait for the end.
#[derive(Default)]
pub(crate) struct PendingSketches {
    pub(super) committed: TestSketches,
    pending: Vec<(String, Update)>,
}

impl PendingSketches {
    pub(crate) fn observe(&mut self, name: &str, value: f64) {
        assert!(
            value.is_finite(),
            "sketch {name:?} cannot observe {value}: give a finite number"
        );
        self.pending.push((name.to_owned(), Update::Observe(value)));
    }

    pub(crate) fn distinct(&mut self, name: &str, item: &str) {
        self.pending
            .push((name.to_owned(), Update::Distinct(item.to_owned())));
    }

    pub(crate) fn count(&mut self, name: &str, item: &str, times: u64) {
        self.pending
            .push((name.to_owned(), Update::Count(item.to_owned(), times)));
    }

    pub(super) fn commit(&mut self) {
        for (name, update) in self.pending.drain(..) {
            match update {
                Update::Observe(value) => self.committed.quantiles.entry(name).or_default().push(value),
                Update::Distinct(item) => {
                    self.committed.distinct.entry(name).or_default().insert(item);
                }
                Update::Count(item, times) => {
                    *self
                        .committed
                        .counts
                        .entry(name)
                        .or_default()
                        .entry(item)
                        .or_default() += times;
                }
            }
        }
    }

    /// Updates of the event under way.
    pub(super) fn written(&self) -> usize {
        self.pending.len()
    }

    /// Takes back the latest updates, until so many are left.
    pub(super) fn roll_back(&mut self, updates_left: usize) {
        self.pending.truncate(updates_left);
    }
}
