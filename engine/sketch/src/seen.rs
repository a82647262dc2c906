//! Whether an item has come before: a Bloom filter (Bloom, 1970) with double hashing (Kirsch and
//! Mitzenmacher, 2006). It never forgets one that came, and takes one for known that did not with
//! the stated probability. Merging is exact: it is the filter of the union.

mod wire;

use crate::{SketchError, seed::mix};

/// Bits: 128 KiB, for 100,000 items at 10 bits each.
const BITS: u64 = 1 << 20;
/// Bits set for an item; best for 10 bits an item.
const HASHES: u64 = 7;

/// A Bloom filter of item hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        self.updates = self.updates.saturating_add(1);
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
        self.updates = self.updates.saturating_add(other.updates);
        Ok(())
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
            for item in items {
                filter.insert(mix(item));
            }
            filter
        };
        let mut merged = of(0..500);
        merged.merge(&of(500..1_000)).unwrap();
        assert_eq!(merged, of(0..1_000));
    }

    #[test]
    fn few_items_take_few_bytes_and_any_filter_reads_back() {
        for (items, most_bytes) in [(0, 8), (100, 2_000), (20_000, 131_100), (100_000, 131_100)] {
            let mut filter = Seen::default();
            for item in 0..items {
                filter.insert(mix(item));
            }
            let bytes = postcard::to_stdvec(&filter).unwrap();
            assert!(bytes.len() <= most_bytes, "{items}: {}", bytes.len());
            assert_eq!(postcard::from_bytes::<Seen>(&bytes).unwrap(), filter);
        }
    }

    #[test]
    fn filters_of_another_size_are_refused() {
        const ALL: u32 = 1;
        let is_refused = |bytes: &[u8]| postcard::from_bytes::<Seen>(bytes).is_err();
        for (length, refused) in [
            (131_072, false),
            (131_064, true),
            (131_073, true),
            (131_080, true),
        ] {
            let bytes = postcard::to_stdvec(&(ALL, vec![0_u8; length], 0_u64)).unwrap();
            assert_eq!(is_refused(&bytes), refused, "{length}");
        }
        let few = |bit: u32| postcard::to_stdvec(&(0_u32, vec![bit], 0_u64)).unwrap();
        assert!(!is_refused(&few(BITS as u32 - 1)));
        assert!(is_refused(&few(BITS as u32)));
    }
}
