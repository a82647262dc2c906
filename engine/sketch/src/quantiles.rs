//! Quantiles within a relative error: DDSketch (Masson, Rim and Lee, VLDB 2019), by crate
//! `sketches-ddsketch`.
//!
//! The crate keeps a bounded number of bins and folds the smallest magnitudes into one when values
//! span more, which breaks the error without a word: with its default of 2,048 the median of 1e-8,
//! 1e-7, 1e-6, 1e200, 1e201 is answered as 1.7e183. Here all normal numbers fit, so the error holds
//! for every value and merging is exact. Memory grows with the span: 6 KB for six decades, 1.2 MB
//! for the whole range. Only the last digits of the floating-point sum depend on the order.

use sketches_ddsketch::{Config, DDSketch};

mod wire;

use crate::SketchError;

/// Relative error of every quantile.
pub const RELATIVE_ERROR: f64 = 0.01;
/// Bins on each side of zero: ln(f64::MAX / f64::MIN_POSITIVE) / ln(1.01 / 0.99) is 70,912.
const MAX_BINS: u32 = 71_000;
/// Magnitudes up to the smallest normal number count as zero.
const SMALLEST: f64 = f64::MIN_POSITIVE;
/// Up to here a rank is exact as a floating-point number, which the crate computes with.
const MAX_COUNT: u64 = 1 << 53;

/// A DDSketch.
#[derive(Clone)]
pub struct Quantiles {
    bins: DDSketch,
    /// Smallest and largest value. The crate's own are lost when the bins are read back.
    range: Option<(f64, f64)>,
    sum: f64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self {
            bins: DDSketch::new(config()),
            range: None,
            sum: 0.0,
        }
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
        if self.count() >= MAX_COUNT {
            return Err(SketchError::Full);
        }
        // Minus zero becomes zero: which of them is the minimum would depend on the order.
        let value = value + 0.0;
        self.bins.add(value);
        self.sum += value;
        self.widen((value, value));
        Ok(())
    }

    /// The value below which the share `q` of all values lies; none for an empty sketch or a `q`
    /// outside 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (min, max) = self.range?;
        let middle_of_bin = self.bins.quantile(q).ok().flatten()?;
        // The crate answers the ends with its own minimum and maximum, which do not survive reading.
        let found = match q {
            0.0 => min,
            1.0 => max,
            _ => middle_of_bin,
        };
        Some(found.clamp(min, max))
    }

    /// How many values it has taken in.
    pub fn count(&self) -> u64 {
        self.bins.count() as u64
    }

    /// Smallest and largest value, exact.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// Sum of all values; none for an empty sketch or where it is too large for a number.
    pub fn sum(&self) -> Option<f64> {
        self.range?;
        self.sum.is_finite().then_some(self.sum)
    }

    /// Takes another sketch in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        let Some(range) = other.range else {
            return Ok(());
        };
        if self.count() + other.count() > MAX_COUNT {
            return Err(SketchError::Full);
        }
        self.bins
            .merge(&other.bins)
            .map_err(|_| SketchError::Incompatible)?;
        self.sum += other.sum;
        self.widen(range);
        Ok(())
    }

    fn widen(&mut self, (low, high): (f64, f64)) {
        let (min, max) = self.range.unwrap_or((low, high));
        self.range = Some((min.min(low), max.max(high)));
    }
}

fn config() -> Config {
    Config::new(RELATIVE_ERROR, MAX_BINS, SMALLEST)
}

#[cfg(test)]
mod tests;
