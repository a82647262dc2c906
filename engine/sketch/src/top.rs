//! The most frequent items: a count-min sketch (Cormode and Muthukrishnan, 2005) and a list of
//! candidates.
//!
//! While no more different items have come than the list holds, every count is exact. Beyond that a
//! count is never too low and too high by at most `e / WIDTH` of all counts, with a probability of
//! `1 - e^-DEPTH`. Merging adds the cells exactly and estimates the candidates of both lists anew.

mod list;
mod wire;

use crate::{
    SketchError, TenantSeed, hash_item,
    seed::{mix, shorten_item},
};
use list::List;

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
/// Most candidates: 0.5 MB with items of the greatest length.
const MOST_CANDIDATES: usize = 2_048;
/// Largest size, whatever is asked for: answers stay below a mebibyte.
const MAX_SIZE: u32 = 1_000;

/// A count-min sketch with its list.
#[derive(Debug, Clone)]
pub struct Top {
    size: u32,
    seed: TenantSeed,
    /// `DEPTH` rows one behind the other; empty while every count is exact.
    cells: Vec<u64>,
    candidates: List,
    total: u64,
}

impl Top {
    /// One that shows `size` items, 1 to 1,000.
    pub fn new(size: u32, seed: TenantSeed) -> Self {
        let size = size.clamp(1, MAX_SIZE);
        let candidates = size as usize * CANDIDATES_PER_SHOWN;
        Self {
            size,
            seed,
            cells: Vec::new(),
            candidates: List::new(candidates.clamp(LEAST_CANDIDATES, MOST_CANDIDATES)),
            total: 0,
        }
    }

    /// Counts an item; nothing happens for zero times.
    pub fn count(&mut self, item: &str, times: u64) {
        if times == 0 {
            return;
        }
        let item = shorten_item(self.seed, item);
        self.total = self.total.saturating_add(times);
        if self.is_exact() && !self.candidates.has_room_for(&item) {
            self.become_approximate();
        }
        let count = if self.is_exact() {
            self.candidates.get(&item).unwrap_or(0).saturating_add(times)
        } else {
            self.add_to_cells(&item, times)
        };
        self.candidates.propose(&item, count);
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
        let ranked = self.candidates.descending_by_count();
        ranked.take(self.size as usize).collect()
    }

    /// The count of any item.
    pub fn estimate(&self, item: &str) -> u64 {
        let item = shorten_item(self.seed, item);
        if self.is_exact() {
            return self.candidates.get(&item).unwrap_or(0);
        }
        let counts = self.places(&item).map(|place| self.cells[place]);
        counts.min().unwrap_or(0)
    }

    /// Takes another one in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.size != other.size || self.seed != other.seed {
            return Err(SketchError::Incompatible);
        }
        self.total = self.total.saturating_add(other.total);
        let mut both = self.candidates.clone();
        both.unite(&other.candidates);
        if self.is_exact() && other.is_exact() && both.fits() {
            self.candidates = both;
            return Ok(());
        }
        self.become_approximate();
        if other.is_exact() {
            self.add_all_to_cells(&other.candidates);
        }
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            *mine = mine.saturating_add(*theirs);
        }
        self.candidates.clear();
        for (item, _) in both.ascending_by_name() {
            let estimate = self.estimate(item);
            self.candidates.propose(item, estimate);
        }
        Ok(())
    }

    /// Sets the cells up from the list, which is exact until then.
    fn become_approximate(&mut self) {
        if self.is_exact() {
            self.cells = vec![0; WIDTH * DEPTH];
            let exact = self.candidates.clone();
            self.add_all_to_cells(&exact);
        }
    }

    fn add_all_to_cells(&mut self, exact: &List) {
        for (item, count) in exact.ascending_by_name() {
            self.add_to_cells(item, count);
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
}

#[cfg(test)]
mod tests;
