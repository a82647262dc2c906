//! Whether an item has come before: a Bloom filter (Bloom, 1970) with double hashing (Kirsch and
//! Mitzenmacher, 2006). It never forgets one that came, and takes one for known that did not with
//! the stated probability. Merging is exact: it is the filter of the union.

use serde::{Deserialize, Serialize};

use crate::{SketchError, seed::mix};

/// Bits: 128 KiB, for 100,000 items at 10 bits each.
const BITS: u64 = 1 << 20;
/// Bits set for an item; best for 10 bits an item.
const HASHES: u64 = 7;

/// A Bloom filter of item hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    words: Vec<u64>,
    updates: u64,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            words: vec![0; (BITS / 64) as usize],
            updates: 0,
        }
    }
}

impl Seen {
    /// Takes an item's hash in; says whether it seemed to be known.
    pub fn insert(&mut self, hash: u64) -> bool {
        self.updates += 1;
        let mut known = true;
        for bit in bits(hash) {
            let word = &mut self.words[(bit / 64) as usize];
            known &= *word & (1 << (bit % 64)) != 0;
            *word |= 1 << (bit % 64);
        }
        known
    }

    /// Whether an item seems to be known.
    pub fn contains(&self, hash: u64) -> bool {
        bits(hash).all(|bit| self.words[(bit / 64) as usize] & (1 << (bit % 64)) != 0)
    }

    /// How many items it has taken in, repeated ones included.
    pub fn count(&self) -> u64 {
        self.updates
    }

    /// Probability, as it is filled now, that an item that never came is taken for known.
    pub fn false_positive_rate(&self) -> f64 {
        let set: u64 = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
        (set as f64 / BITS as f64).powi(HASHES as i32)
    }

    /// Takes another filter in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.words.len() != other.words.len() {
            return Err(SketchError::Incompatible);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
        self.updates += other.updates;
        Ok(())
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        self.words.len() as u64 == BITS / 64
    }
}

fn bits(hash: u64) -> impl Iterator<Item = u64> {
    let step = mix(hash) | 1;
    (0..HASHES).map(move |index| hash.wrapping_add(index.wrapping_mul(step)) % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten_and_few_are_taken_for_known() {
        let mut filter = Seen::default();
        for item in 0..100_000 {
            filter.insert(mix(item));
        }
        assert!((0..100_000).all(|item| filter.contains(mix(item))));
        let wrong = (100_000..200_000)
            .filter(|item| filter.contains(mix(*item)))
            .count() as f64
            / 100_000.0;
        let stated = filter.false_positive_rate();
        assert!(
            stated < 0.011 && (wrong - stated).abs() < 0.003,
            "{wrong} against {stated}"
        );
    }

    #[test]
    fn merging_is_the_filter_of_the_union() {
        let of = |items: std::ops::Range<u64>| {
            let mut filter = Seen::default();
            items.for_each(|item| drop(filter.insert(mix(item))));
            filter
        };
        let mut merged = of(0..500);
        merged.merge(&of(500..1_000)).unwrap();
        assert_eq!(merged, of(0..1_000));
    }
}
