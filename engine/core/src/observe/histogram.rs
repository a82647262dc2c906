//! Durations counted by how long they were, in buckets that are the same for all engines and for ever: so they add up
//! over engines, and over any stretch of time. Beside it a sketch says quantiles more exactly, of one engine alone.

use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: from a quick call to a broker that has nearly given up.
const BOUNDS_US: [u64; 17] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Counts of durations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS_US.len()],
    /// Beyond the last bound.
    longer: u64,
    sum: Duration,
}

impl Histogram {
    /// Counts a duration. A bound belongs to its own bucket.
    pub fn observe(&mut self, took: Duration) {
        let bucket = BOUNDS_US.partition_point(|bound| Duration::from_micros(*bound) < took);
        match self.counts.get_mut(bucket) {
            Some(count) => *count += 1,
            None => self.longer += 1,
        }
        self.sum = self.sum.saturating_add(took);
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer
    }

    /// All of them together, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum.as_secs_f64()
    }

    /// Upper bounds in seconds, each with the number of durations in its bucket; the last is infinite.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|bound| *bound as f64 / 1e6);
        let bounded = bounds.zip(self.counts);
        bounded.chain([(f64::INFINITY, self.longer)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_lowest_bucket_that_holds_it() {
        let mut histogram = Histogram::default();
        for micros in [0, 50, 51, 10_000_000, 10_000_001, 3_600_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        let filled: Vec<_> = buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            filled,
            [&(0.000_05, 2), &(0.000_1, 1), &(10.0, 1), &(f64::INFINITY, 2)]
        );
        assert_eq!(histogram.count(), 6);
        assert!((histogram.sum_seconds() - 3_620.000_102).abs() < 1e-6);
        assert!(buckets.is_sorted_by(|one, other| one.0 < other.0));
    }
}
