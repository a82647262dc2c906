//! Quantiles within a relative error: DDSketch (Masson, Rim and Lee, VLDB 2019), by crate
//! `sketches-ddsketch`.
//!
//! The error holds for magnitudes that fall into the 2,048 bins kept on each side of zero: with 1 %
//! that is a range of 10^17 from the largest down; smaller ones collapse into the lowest bin.
//! Merging is exact for every bin; the floating-point sum depends on the order.

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};

use crate::SketchError;

/// Relative error of every quantile.
pub const RELATIVE_ERROR: f64 = 0.01;
/// Bins on each side of zero: a bound on memory (32 KiB).
const MAX_BINS: u32 = 2_048;
/// Magnitudes below it count as zero.
const SMALLEST: f64 = 1e-9;

/// A DDSketch.
#[derive(Clone, Serialize, Deserialize)]
pub struct Quantiles(DDSketch);

impl Default for Quantiles {
    fn default() -> Self {
        Self(DDSketch::new(Config::new(RELATIVE_ERROR, MAX_BINS, SMALLEST)))
    }
}

impl std::fmt::Debug for Quantiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quantiles({} values)", self.count())
    }
}

impl Quantiles {
    /// Takes a finite value in.
    pub fn observe(&mut self, value: f64) -> Result<(), SketchError> {
        if !value.is_finite() {
            return Err(SketchError::NotFinite);
        }
        self.0.add(value);
        Ok(())
    }

    /// The value below which the share `q` of all values lies; none for an empty sketch or a `q`
    /// outside 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.0.quantile(q).ok().flatten()
    }

    /// How many values it has taken in.
    pub fn count(&self) -> u64 {
        self.0.count() as u64
    }

    /// Smallest and largest value, exact.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.0.min().zip(self.0.max())
    }

    /// Sum of all values.
    pub fn sum(&self) -> Option<f64> {
        self.0.sum()
    }

    /// Takes another sketch in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        self.0.merge(&other.0).map_err(|_| SketchError::Incompatible)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values within the range that the bins cover.
    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), 1e-6..1e6, -1e6..-1e-6, 1e-6..1.0]
    }

    fn of(values: &[f64]) -> Quantiles {
        let mut sketch = Quantiles::default();
        for value in values {
            sketch.observe(*value).unwrap();
        }
        sketch
    }

    fn exact(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(q * (sorted.len() - 1) as f64) as usize]
    }

    proptest! {
        #[test]
        fn every_quantile_is_within_the_stated_error(values in prop::collection::vec(value(), 1..400), q in 0.0..=1.0) {
            let (found, truth) = (of(&values).quantile(q).unwrap(), exact(&values, q));
            prop_assert!((found - truth).abs() <= RELATIVE_ERROR * truth.abs() * 1.0001 + 1e-12, "{found} for {truth}");
        }

        #[test]
        fn merging_is_the_sketch_of_the_union(one in prop::collection::vec(value(), 1..200), other in prop::collection::vec(value(), 1..200)) {
            let union = of(&[one.clone(), other.clone()].concat());
            let (mut ab, mut ba) = (of(&one), of(&other));
            ab.merge(&of(&other)).unwrap();
            ba.merge(&of(&one)).unwrap();
            for q in [0.0, 0.01, 0.5, 0.9, 0.99, 1.0] {
                prop_assert_eq!(ab.quantile(q), union.quantile(q));
                prop_assert_eq!(ba.quantile(q), union.quantile(q));
            }
            prop_assert_eq!(ab.count(), union.count());
        }
    }

    #[test]
    fn nan_and_infinities_are_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Quantiles::default().observe(value), Err(SketchError::NotFinite));
        }
        assert_eq!(of(&[1.0]).quantile(2.0), None);
        assert_eq!(Quantiles::default().quantile(0.5), None);
    }

    #[test]
    fn tiny_values_count_as_zero_and_huge_ones_keep_their_error() {
        assert_eq!(of(&[1e-12; 3]).quantile(0.5), Some(0.0));
        let huge = of(&[1e300, 1e299, 1e298]).quantile(0.5).unwrap();
        assert!((huge / 1e299 - 1.0).abs() <= RELATIVE_ERROR);
    }
}
