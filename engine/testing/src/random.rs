//! Random numbers that are the same in every run. [`crate::faults::Faults`] draws seeded ones.

use std::sync::atomic::{AtomicU64, Ordering};

use tailrace_core::ports::clock::Random;

/// The step of SplitMix64 (Steele, Lea, Flood 2014): no number comes twice.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers far apart, none of them twice.
#[derive(Debug)]
pub struct Sequence(AtomicU64);

impl Default for Sequence {
    fn default() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Random for Sequence {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(STEP, Ordering::Relaxed)
    }
}
