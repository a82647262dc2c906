//! Sketches that are exact: they keep what they were given.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::Frequency;

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

/// What plugins read: exact where the engine estimates.
impl TestSketches {
    pub(crate) fn quantile(&self, name: &str, q: f64) -> Option<f64> {
        assert!(
            (0.0..=1.0).contains(&q),
            "quantile {q} of sketch {name:?} is not between 0 and 1"
        );
        let mut values = self.quantiles.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        values.get((q * last as f64) as usize).copied()
    }

    pub(crate) fn estimate(&self, name: &str, item: Option<&str>) -> u64 {
        match item {
            Some(item) => self
                .counts
                .get(name)
                .and_then(|items| items.get(item))
                .copied()
                .unwrap_or(0),
            None => self.distinct.get(name).map_or(0, |items| items.len() as u64),
        }
    }

    pub(crate) fn top(&self, name: &str, limit: u32) -> Vec<Frequency> {
        let items = self.counts.get(name).into_iter().flatten();
        let mut top: Vec<Frequency> = items
            .map(|(item, times)| Frequency {
                item: item.clone(),
                times: *times,
            })
            .collect();
        // The items are in their own order, and the sort keeps it among equals.
        top.sort_by_key(|frequency| Reverse(frequency.times));
        top.truncate(limit as usize);
        top
    }
}

enum Update {
    Observe(f64),
    Distinct(String),
    Count(String, u64),
}

/// The sketches, and the updates of the event under way. Plugins read what events before it have told, so its own updates
/// wait for the end.
#[derive(Default)]
pub(crate) struct PendingSketches {
    pub(crate) committed: TestSketches,
    /// Everything that each has taken in, repeated items too.
    totals: BTreeMap<String, u64>,
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

    pub(crate) fn total(&self, name: &str) -> u64 {
        self.totals.get(name).copied().unwrap_or(0)
    }

    pub(super) fn commit(&mut self) {
        for (name, update) in self.pending.drain(..) {
            *self.totals.entry(name.clone()).or_default() += match update {
                Update::Observe(_) | Update::Distinct(_) => 1,
                Update::Count(_, times) => times,
            };
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
