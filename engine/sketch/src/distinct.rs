//! How many different items: HyperLogLog++ (Heule, Nunkesser and Hall, EDBT 2013), by crate
//! `hyperloglogplus`. Takes hashes, not items: hashing is keyed by the tenant and done once.
//!
//! Small counts are kept sparse. The crate collects new codes in an unordered set and merges them
//! now and then; [`Distinct::settle`] merges them before anything is read or written, so that equal
//! sets of items encode to equal bytes. Merging is exact: it is the sketch of the union.

use std::hash::{BuildHasher, Hasher};

use hyperloglogplus::{HyperLogLog as _, HyperLogLogPlus};
use serde::{Deserialize, Serialize};

use crate::SketchError;

/// 2^14 registers: 12 KiB dense, and a standard error of 0.81 %.
const PRECISION: u8 = 14;

/// Standard error of the estimate, relative: 1.04 / sqrt(2^14).
pub const STANDARD_ERROR: f64 = 0.008_125;

/// Builds hashers that pass a hash through: the items are hashed already.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct PassThrough;

impl BuildHasher for PassThrough {
    type Hasher = Hashed;
    fn build_hasher(&self) -> Hashed {
        Hashed(0)
    }
}

struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only a u64 is ever hashed");
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A HyperLogLog++ of item hashes.
#[derive(Clone, Serialize, Deserialize)]
pub struct Distinct {
    sketch: HyperLogLogPlus<u64, PassThrough>,
    updates: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        let sketch = HyperLogLogPlus::new(PRECISION, PassThrough);
        Self {
            sketch: sketch.expect("14 is a precision that the crate takes"),
            updates: 0,
        }
    }
}

impl std::fmt::Debug for Distinct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Distinct({} updates)", self.updates)
    }
}

impl Distinct {
    /// Takes an item's hash in.
    pub fn insert(&mut self, hash: u64) {
        self.sketch.insert(&hash);
        self.updates += 1;
    }

    /// Estimate of the number of different items.
    pub fn estimate(&self) -> f64 {
        self.sketch.clone().count()
    }

    /// How many items it has taken in, repeated ones included.
    pub fn count(&self) -> u64 {
        self.updates
    }

    /// Takes another sketch in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        self.sketch
            .merge(&other.sketch)
            .map_err(|_| SketchError::Incompatible)?;
        self.updates += other.updates;
        Ok(())
    }

    /// Brings the sketch into the one form that its set of items has.
    pub(crate) fn settle(&mut self) {
        let _ = self.sketch.count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TenantSeed, hash_item};

    fn of(seed: u64, items: std::ops::Range<u64>) -> Distinct {
        let mut sketch = Distinct::default();
        for item in items {
            sketch.insert(hash_item(TenantSeed::new(seed, !seed), &item.to_string()));
        }
        sketch
    }

    #[test]
    fn the_error_over_many_seeds_is_that_of_theory_sparse_and_dense() {
        for count in [100_u64, 2_000, 20_000, 100_000] {
            let seeds = if count > 10_000 { 60 } else { 100 };
            let squares: f64 = (0..seeds)
                .map(|seed| (of(seed, 0..count).estimate() / count as f64 - 1.0).powi(2))
                .sum();
            let rms = (squares / seeds as f64).sqrt();
            // Over 60 seeds the RMS itself scatters by a tenth of its value.
            assert!(
                rms <= STANDARD_ERROR * 1.1 * 1.15,
                "{count} items: RMS error {rms}"
            );
        }
    }

    #[test]
    fn merging_is_the_sketch_of_the_union() {
        for (one, other) in [
            (0..50, 25..80),
            (0..3_000, 2_000..9_000),
            (0..100, 0..50_000),
            (0..60_000, 50_000..90_000),
        ] {
            let union = of(1, one.start..other.end);
            let mut ab = of(1, one.clone());
            ab.merge(&of(1, other.clone())).unwrap();
            let mut ba = of(1, other);
            ba.merge(&of(1, one)).unwrap();
            assert!((ab.estimate() - union.estimate()).abs() < 1e-9);
            assert!((ba.estimate() - union.estimate()).abs() < 1e-9);
        }
    }
}
