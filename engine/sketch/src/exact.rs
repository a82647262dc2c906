//! The exact answer beside a sketch's: what the promised error is held against.
//!
//! It keeps what it is given, so it is bounded by [`MOST_ENTRIES`] and says when it is full; whoever
//! follows a sketch then lets go of it. Sketches whose bound is a standard deviation are in breach
//! beyond [`DEVIATIONS`] of them, which by chance one in a million answers is.

use std::collections::{BTreeMap, HashSet};

use crate::{Bound, Kind, Query, Sketch, Update, report::Answer, seed::mix};

/// Most entries (values, or different items) of one exact answer: some hundred kilobytes.
const MOST_ENTRIES: usize = 10_000;
/// Standard deviations beyond which an error is a breach.
const DEVIATIONS: f64 = 5.0;
/// Quantiles that are held against the exact ones.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
/// Items that never came, asked of a filter.
const PROBES: u64 = 2_000;

/// All that a sketch was given.
#[derive(Debug, Clone)]
pub struct Exact {
    kind: Kind,
    count: u64,
    values: Vec<f64>,
    hashes: HashSet<u64>,
    items: BTreeMap<String, u64>,
}

/// A sketch held against the exact answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Greatest error, as the bound of the kind counts it: a share of the true value, of all counts, of
    /// the items that never came.
    pub observed: f64,
    /// The error that is promised, in the same unit; 0 where the answer is to be exact.
    pub promised: f64,
    /// Whether the promise is broken.
    pub is_breach: bool,
}

impl Exact {
    /// Of nothing yet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            count: 0,
            values: Vec::new(),
            hashes: HashSet::new(),
            items: BTreeMap::new(),
        }
    }

    /// Takes an update in; says whether there was room for it.
    pub fn take(&mut self, update: &Update) -> bool {
        let mut times = 1;
        match update {
            Update::Observe(value) => self.values.push(as_counted(*value)),
            Update::Distinct(hash) | Update::Seen(hash) => drop(self.hashes.insert(*hash)),
            Update::Count { item, times: counted } => {
                times = *counted;
                *self.items.entry(item.clone()).or_default() += times;
            }
            Update::Draw { item, .. } | Update::Sample(item) => {
                *self.items.entry(item.clone()).or_default() += 1;
            }
        }
        self.count = self.count.saturating_add(times);
        self.entries() <= MOST_ENTRIES
    }

    /// How many values it holds, or how many different items.
    pub fn entries(&self) -> usize {
        self.values.len() + self.hashes.len() + self.items.len()
    }

    /// How much it rests on, counted as [`Sketch::count`] does.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Holds a sketch against it; none where that took in something else, and for an empty one.
    pub fn compare(&mut self, sketch: &Sketch) -> Option<Comparison> {
        if sketch.kind() != self.kind || sketch.count() != self.count || self.count == 0 {
            return None;
        }
        let report = sketch.report(&Query {
            quantiles: QUANTILES.to_vec(),
            ..Query::default()
        });
        let (observed, is_wrong) = match (&report.answer, sketch) {
            (Answer::Quantiles { quantiles, .. }, _) => (self.quantile_error(quantiles), false),
            (Answer::Distinct { distinct }, _) => {
                let truth = self.hashes.len() as f64;
                ((distinct - truth).abs() / truth, false)
            }
            (Answer::Top { items, .. }, _) => self.count_error(items),
            (Answer::Sample { items }, _) => self.share_error(items),
            (Answer::Seen { .. }, Sketch::Seen(filter)) => {
                let known = (0..PROBES).map(mix).filter(|hash| !self.hashes.contains(hash));
                let wrong = known.filter(|hash| filter.contains(*hash)).count();
                let forgets = !self.hashes.iter().all(|hash| filter.contains(*hash));
                (wrong as f64 / PROBES as f64, forgets)
            }
            _ => return None,
        };
        let (promised, limit) = limits(&report.bound, self.count);
        Some(Comparison {
            observed,
            promised,
            is_breach: is_wrong || observed > limit,
        })
    }

    fn quantile_error(&mut self, found: &[(f64, Option<f64>)]) -> f64 {
        self.values.sort_by(f64::total_cmp);
        let last = self.values.len() - 1;
        let error = |(q, found): &(f64, Option<f64>)| {
            let Some(found) = found.map(as_counted) else {
                return f64::INFINITY;
            };
            let rank = q * last as f64;
            // Between two ranks either value is right, and so is anything between them.
            let (low, high) = (
                self.values[rank.floor() as usize],
                self.values[rank.ceil() as usize],
            );
            if (low..=high).contains(&found) {
                return 0.0;
            }
            let truth = found.clamp(low, high);
            // Of a zero any error is too large, so it is divided by what is not quite one.
            ((found - truth) / truth.abs().max(f64::MIN_POSITIVE)).abs()
        };
        found.iter().map(error).fold(0.0, f64::max)
    }

    /// How much too high the counts of the list are, on average, as a share of all counts; and whether
    /// one is too low, which none may be.
    fn count_error(&self, found: &[(String, u64)]) -> (f64, bool) {
        let mut too_high = 0;
        let mut is_low = false;
        for (item, count) in found {
            // Items too long to be kept whole are not found under their own names.
            let Some(truth) = self.items.get(item) else {
                continue;
            };
            is_low |= count < truth;
            too_high += count.saturating_sub(*truth);
        }
        let error = too_high as f64 / found.len().max(1) as f64 / self.count as f64;
        (error, is_low)
    }

    /// How far the share of the most frequent item is off; and whether an item was made up.
    fn share_error(&self, found: &[String]) -> (f64, bool) {
        let invented = found
            .iter()
            .any(|item| !item.contains('…') && !self.items.contains_key(item));
        let most = self.items.iter().max_by_key(|(_, count)| **count);
        let Some((item, count)) = most else {
            return (0.0, invented);
        };
        let drawn = found.iter().filter(|drawn| *drawn == item).count();
        let share = drawn as f64 / found.len().max(1) as f64;
        ((share - *count as f64 / self.count as f64).abs(), invented)
    }
}

/// A value as quantiles count it: up to the smallest normal number all are zero to them.
fn as_counted(value: f64) -> f64 {
    if value.abs() > f64::MIN_POSITIVE {
        value
    } else {
        0.0
    }
}

/// The promised error as a share, and the error from which on the promise is broken.
fn limits(bound: &Bound, count: u64) -> (f64, f64) {
    // An error of nothing may show as the last digit of a number.
    const ROUNDING: f64 = 1e-9;
    match bound {
        Bound::Exact => (0.0, ROUNDING),
        Bound::Relative { error } => (*error, error + ROUNDING),
        Bound::StandardError { error } => (*error, error * DEVIATIONS),
        Bound::Above { error, .. } => {
            let share = *error as f64 / count.max(1) as f64;
            (share, share)
        }
        Bound::FalsePositive { probability } => {
            let deviation = (probability * (1.0 - probability) / PROBES as f64).sqrt();
            // One probe that is taken for known says nothing of a filter that is nearly empty.
            (
                *probability,
                probability + DEVIATIONS * deviation + 2.0 / PROBES as f64,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SketchConfig, TenantSeed, hash_item, rank};

    const KINDS: [Kind; 5] = [
        Kind::Quantiles,
        Kind::Distinct,
        Kind::Top,
        Kind::Seen,
        Kind::Sample,
    ];

    fn update(kind: Kind, seed: TenantSeed, number: u32) -> Update {
        let item = (number % 300).to_string();
        match kind {
            Kind::Quantiles => Update::Observe((f64::from(number) - 500.0).powi(3)),
            Kind::Distinct => Update::Distinct(hash_item(seed, &number.to_string())),
            Kind::Top => Update::Count { item, times: 1 },
            Kind::Seen => Update::Seen(hash_item(seed, &number.to_string())),
            Kind::Sample => Update::Draw {
                rank: rank(seed, u64::from(number)),
                item: (number % 3).to_string(),
            },
        }
    }

    fn both(kind: Kind, seed: u64, numbers: u32) -> (Exact, Sketch) {
        let seed = TenantSeed::new(seed, 1);
        let size = (kind == Kind::Sample).then_some(100);
        let mut sketch = Sketch::new(&SketchConfig { kind, size }, seed);
        let mut exact = Exact::new(kind);
        for number in 0..numbers {
            let update = update(kind, seed, number);
            sketch.apply(&update).unwrap();
            assert!(exact.take(&update));
        }
        (exact, sketch)
    }

    #[test]
    fn a_sound_sketch_of_every_kind_keeps_its_promise() {
        for kind in KINDS {
            for (seed, numbers) in [(1, 1), (2, 100), (3, 1_500), (4, 9_000)] {
                let (mut exact, sketch) = both(kind, seed, numbers);
                let comparison = exact.compare(&sketch).unwrap();
                assert!(!comparison.is_breach, "{kind} {numbers}: {comparison:?}");
            }
        }
    }

    #[test]
    fn a_sketch_that_is_wrong_is_noticed_whatever_its_kind() {
        for kind in KINDS {
            let (mut exact, sketch) = both(kind, 1, 2_000);
            // As if a fifth of what came had been something else.
            match kind {
                Kind::Quantiles => exact.values.iter_mut().for_each(|value| *value *= 1.05),
                Kind::Distinct => exact.hashes.retain(|hash| hash % 5 > 0),
                Kind::Top | Kind::Sample => {
                    let items = std::mem::take(&mut exact.items);
                    exact.items = items
                        .into_iter()
                        .map(|(item, count)| (format!("{item}x"), count))
                        .collect();
                    if kind == Kind::Top {
                        exact.items = (0..300).map(|item: u32| (item.to_string(), 1_000)).collect();
                    }
                }
                Kind::Seen => exact
                    .hashes
                    .extend((0..100).map(|number| mix(number + 1_000_000))),
            }
            let comparison = exact.compare(&sketch).unwrap();
            assert!(comparison.is_breach, "{kind}: {comparison:?}");
        }
    }

    #[test]
    fn values_that_count_as_zero_are_no_breach() {
        let values = [2e-308, -2e-308, 1e-310, 0.0, -0.0, f64::MIN_POSITIVE, 1.0];
        for kept in 1..=values.len() {
            let mut sketch = Sketch::new(
                &SketchConfig {
                    kind: Kind::Quantiles,
                    size: None,
                },
                TenantSeed::new(1, 1),
            );
            let mut exact = Exact::new(Kind::Quantiles);
            for value in &values[..kept] {
                sketch.apply(&Update::Observe(*value)).unwrap();
                exact.take(&Update::Observe(*value));
            }
            let comparison = exact.compare(&sketch).unwrap();
            assert!(!comparison.is_breach, "{kept}: {comparison:?}");
        }
    }

    #[test]
    fn what_took_in_something_else_is_not_compared() {
        let (mut exact, _) = both(Kind::Top, 1, 10);
        let (_, longer) = both(Kind::Top, 1, 11);
        let (_, other) = both(Kind::Quantiles, 1, 10);
        assert_eq!((exact.compare(&longer), exact.compare(&other)), (None, None));
    }

    #[test]
    fn it_says_when_it_is_full() {
        let mut exact = Exact::new(Kind::Quantiles);
        let taken = (0..=MOST_ENTRIES)
            .filter(|_| exact.take(&Update::Observe(1.0)))
            .count();
        assert_eq!(taken, MOST_ENTRIES);
    }
}
