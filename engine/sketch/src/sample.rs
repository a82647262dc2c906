//! A uniform sample of fixed size: Algorithm L (Li, 1994), which draws how many items to pass over
//! instead of a number for each. Its randomness comes from a generator of its own that starts at the
//! tenant's seed, so the same items in the same order give the same sample.
//!
//! Merging draws from both samples in proportion to what each stands for; it is deterministic, and
//! uniform as far as samples allow, but not the sample of the union.

use serde::{Deserialize, Serialize};

use crate::{SketchError, TenantSeed, hash_item, seed::mix};

/// Longest item kept, in bytes; the rest is cut.
const MAX_ITEM_BYTES: usize = 256;

/// A reservoir.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    size: u32,
    items: Vec<String>,
    count: u64,
    /// Items still to be passed over.
    skip: u64,
    weight: f64,
    random: u64,
}

impl Sample {
    /// One that keeps `size` items.
    pub fn new(size: u32, seed: TenantSeed) -> Self {
        let random = hash_item(seed, "sample");
        Self {
            size: size.max(1),
            items: Vec::new(),
            count: 0,
            skip: 0,
            weight: 1.0,
            random,
        }
    }

    /// Takes an item in.
    pub fn offer(&mut self, item: &str) {
        self.count += 1;
        if self.items.len() < self.size as usize {
            self.items.push(cut(item));
            if self.items.len() == self.size as usize {
                self.draw_skip();
            }
            return;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let place = self.below(self.items.len());
        self.items[place] = cut(item);
        self.draw_skip();
    }

    /// The sample.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// How many items it stands for.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Takes another sample in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.size != other.size {
            return Err(SketchError::Incompatible);
        }
        let (mut mine, mut theirs) = (std::mem::take(&mut self.items), other.items.clone());
        let share = self.count as f64 / (self.count + other.count).max(1) as f64;
        while self.items.len() < self.size as usize && !(mine.is_empty() && theirs.is_empty()) {
            let from_mine = theirs.is_empty() || (!mine.is_empty() && self.unit() < share);
            let pool = if from_mine { &mut mine } else { &mut theirs };
            let place = (mix(self.random) % pool.len() as u64) as usize;
            self.items.push(pool.swap_remove(place));
        }
        self.count += other.count;
        Ok(())
    }

    fn draw_skip(&mut self) {
        self.weight *= (self.unit().ln() / f64::from(self.size)).exp();
        let skip = self.unit().ln() / (1.0 - self.weight).ln();
        // A weight that has become too small to count passes everything over.
        self.skip = if skip.is_finite() { skip as u64 } else { u64::MAX };
    }

    /// Between 0 and 1, neither of them.
    fn unit(&mut self) -> f64 {
        self.random = mix(self.random);
        ((self.random >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = mix(self.random);
        (self.random % limit as u64) as usize
    }
}

fn cut(item: &str) -> String {
    let end = (0..=MAX_ITEM_BYTES.min(item.len()))
        .rev()
        .find(|end| item.is_char_boundary(*end));
    item[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_as_likely_as_any_other() {
        let mut taken = [0_u32; 100];
        for seed in 0..2_000 {
            let mut sample = Sample::new(10, TenantSeed::new(seed, 7));
            (0..100).for_each(|item| sample.offer(&item.to_string()));
            sample
                .items()
                .iter()
                .for_each(|item| taken[item.parse::<usize>().unwrap()] += 1);
        }
        // 200 each are expected, with a standard deviation of 13.4.
        assert!(taken.iter().all(|count| (130..270).contains(count)), "{taken:?}");
    }

    #[test]
    fn a_merged_sample_is_drawn_in_proportion() {
        let mut from_large = 0;
        for seed in 0..400 {
            let mut small = Sample::new(10, TenantSeed::new(seed, 1));
            let mut large = Sample::new(10, TenantSeed::new(seed, 2));
            (0..100).for_each(|_| small.offer("small"));
            (0..900).for_each(|_| large.offer("large"));
            small.merge(&large).unwrap();
            assert_eq!((small.items().len(), small.count()), (10, 1_000));
            from_large += small.items().iter().filter(|item| *item == "large").count();
        }
        let share = from_large as f64 / 4_000.0;
        assert!((share - 0.9).abs() < 0.03, "{share}");
    }

    #[test]
    fn long_items_are_cut_at_a_character() {
        let mut sample = Sample::new(1, TenantSeed::new(1, 1));
        sample.offer(&"é".repeat(1_000));
        assert_eq!(sample.items()[0].len(), 256);
    }
}
