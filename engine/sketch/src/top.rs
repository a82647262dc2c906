//! The most frequent items: a count-min sketch (Cormode and Muthukrishnan, 2005) and a list of
//! candidates.
//!
//! While no more different items have come than the list holds, every count is exact. Beyond that a
//! count is never too low and too high by at most `e / WIDTH` of all counts, with a probability of
//! `1 - e^-DEPTH`. Merging adds the cells exactly and estimates the candidates of both lists anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{SketchError, TenantSeed, hash_item, seed::mix};

/// Cells of a row.
const WIDTH: usize = 4_096;
/// Rows.
const DEPTH: usize = 4;
/// Share of all counts by which a count may be too high.
pub const EPSILON: f64 = std::f64::consts::E / WIDTH as f64;
/// Probability that one is higher than that: e^-4.
pub const DELTA: f64 = 0.018_3;
/// Candidates kept beyond those that are shown, so that an item on the rise is not lost.
const CANDIDATES_PER_SHOWN: usize = 8;
/// Fewest candidates.
const LEAST_CANDIDATES: usize = 128;

/// A count-min sketch with its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    size: u32,
    seed: TenantSeed,
    /// `DEPTH` rows one behind the other; empty while every count is exact.
    cells: Vec<u64>,
    candidates: BTreeMap<String, u64>,
    total: u64,
}

impl Top {
    /// One that shows `size` items.
    pub fn new(size: u32, seed: TenantSeed) -> Self {
        Self {
            size: size.max(1),
            seed,
            cells: Vec::new(),
            candidates: BTreeMap::new(),
            total: 0,
        }
    }

    /// Counts an item.
    pub fn count(&mut self, item: &str, times: u64) {
        self.total = self.total.saturating_add(times);
        if self.is_exact() {
            let count = self.candidates.entry(item.to_owned()).or_default();
            *count = count.saturating_add(times);
            if self.candidates.len() > self.capacity() {
                self.become_approximate();
            }
            return;
        }
        let estimate = self.add_to_cells(item, times);
        self.propose(item, estimate);
    }

    /// Whether every count is exact still.
    pub fn is_exact(&self) -> bool {
        self.cells.is_empty()
    }

    /// How much was counted in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The items with the highest counts, highest first; equal ones in the order of their names.
    pub fn list(&self) -> Vec<(&str, u64)> {
        let mut list: Vec<_> = self
            .candidates
            .iter()
            .map(|(item, count)| (item.as_str(), *count))
            .collect();
        list.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        list.truncate(self.size as usize);
        list
    }

    /// The count of any item.
    pub fn estimate(&self, item: &str) -> u64 {
        if self.is_exact() {
            return self.candidates.get(item).copied().unwrap_or(0);
        }
        self.places(item)
            .map(|place| self.cells[place])
            .min()
            .unwrap_or(0)
    }

    /// Takes another one in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.size != other.size || self.seed != other.seed {
            return Err(SketchError::Incompatible);
        }
        if other.is_exact() {
            other
                .candidates
                .iter()
                .for_each(|(item, count)| self.count(item, *count));
            return Ok(());
        }
        if self.is_exact() {
            self.become_approximate();
        }
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            *mine = mine.saturating_add(*theirs);
        }
        self.total = self.total.saturating_add(other.total);
        let names: Vec<String> = self
            .candidates
            .keys()
            .chain(other.candidates.keys())
            .cloned()
            .collect();
        self.candidates.clear();
        for name in names {
            let estimate = self.estimate(&name);
            self.propose(&name, estimate);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        (self.size as usize * CANDIDATES_PER_SHOWN).max(LEAST_CANDIDATES)
    }

    fn become_approximate(&mut self) {
        self.cells = vec![0; WIDTH * DEPTH];
        for (item, count) in std::mem::take(&mut self.candidates) {
            let estimate = self.add_to_cells(&item, count);
            self.propose(&item, estimate);
        }
    }

    /// One cell of each row.
    fn places(&self, item: &str) -> impl Iterator<Item = usize> + use<> {
        let mut hash = hash_item(self.seed, item);
        (0..DEPTH).map(move |row| {
            hash = mix(hash);
            row * WIDTH + (hash as usize % WIDTH)
        })
    }

    fn add_to_cells(&mut self, item: &str, times: u64) -> u64 {
        let mut least = u64::MAX;
        for place in self.places(item) {
            self.cells[place] = self.cells[place].saturating_add(times);
            least = least.min(self.cells[place]);
        }
        least
    }

    /// Puts an item on the list, where it deserves a place.
    fn propose(&mut self, item: &str, estimate: u64) {
        if let Some(count) = self.candidates.get_mut(item) {
            *count = estimate;
            return;
        }
        if self.candidates.len() >= self.capacity() {
            let lowest = self
                .candidates
                .iter()
                .min_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)));
            let Some((lowest, count)) = lowest.map(|(name, count)| (name.clone(), *count)) else {
                return;
            };
            if count >= estimate {
                return;
            }
            self.candidates.remove(&lowest);
        }
        self.candidates.insert(item.to_owned(), estimate);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn top() -> Top {
        Top::new(10, TenantSeed::new(1, 2))
    }

    #[test]
    fn few_items_are_counted_exactly() {
        let mut top = top();
        for item in 0..51_u64 {
            top.count(&format!("channel-{item}"), item + 1);
        }
        assert!(top.is_exact());
        let list = top.list();
        assert_eq!(
            (list.len(), list[0], list[9]),
            (10, ("channel-50", 51), ("channel-41", 42))
        );
    }

    #[test]
    fn heavy_hitters_are_found_among_many_within_the_bound() {
        let mut top = top();
        for item in 0..20_000_u64 {
            top.count(&format!("rare-{item}"), 1);
            if item % 20 == 0 {
                top.count(&format!("heavy-{}", item / 20 % 5), 10);
            }
        }
        assert!(!top.is_exact());
        let bound = (EPSILON * top.total() as f64) as u64;
        for heavy in 0..5 {
            let (name, truth) = (format!("heavy-{heavy}"), 2_000);
            let found = top.estimate(&name);
            assert!(found >= truth && found <= truth + bound, "{found}");
            assert!(top.list()[..5].iter().any(|(listed, _)| *listed == name));
        }
    }

    proptest! {
        #[test]
        fn an_estimate_is_never_too_low_and_merging_adds(one in prop::collection::vec(0_u32..600, 0..800), other in prop::collection::vec(0_u32..600, 0..800)) {
            let of = |items: &[u32]| {
                let mut sketch = top();
                items.iter().for_each(|item| sketch.count(&item.to_string(), 1));
                sketch
            };
            let union = of(&[one.clone(), other.clone()].concat());
            let mut merged = of(&one);
            merged.merge(&of(&other)).unwrap();
            prop_assert_eq!(merged.total(), union.total());
            for item in 0..600 {
                let truth = one.iter().chain(&other).filter(|known| **known == item).count() as u64;
                prop_assert!(merged.estimate(&item.to_string()) >= truth);
                if !union.is_exact() && !merged.is_exact() {
                    prop_assert_eq!(merged.estimate(&item.to_string()), union.estimate(&item.to_string()));
                }
            }
        }
    }
}
