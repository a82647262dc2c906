//! How many different items: HyperLogLog++ (Heule, Nunkesser and Hall, EDBT 2013), by crate
//! `hyperloglogplus`. Takes hashes, not items: hashing is keyed by the tenant and done once.
//!
//! Small counts are kept sparse. The crate collects new codes in an unordered set and merges them
//! now and then; they are merged before anything is read or written, so that equal
//! sets of items encode to equal bytes. Merging is exact: it is the sketch of the union.
//!
//! The crate's serde trusts what it reads and panics later; [`wire`] looks first. Its sparse form
//! counts with 2^24 places although its codes tell 2^25 apart: below 0.02 % with the few thousand
//! codes that stay sparse, far within the bound.

mod wire;

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
#[derive(Clone)]
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
        self.updates = self.updates.saturating_add(1);
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
        self.updates = self.updates.saturating_add(other.updates);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
