//! Seeded chance: which fault happens when. One generator for the whole world, so that a seed is a run.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tailrace_core::ports::clock::Random;

use crate::sync::lock;

/// Chance, and a count of the faults that it brought.
pub struct Faults {
    rng: Mutex<StdRng>,
    happened: Mutex<BTreeMap<&'static str, u64>>,
    /// Faults stop, so that the run can come to its end.
    calm: AtomicBool,
    /// How likely faults are in this run, in percent of their full likelihood.
    intensity: u32,
}

impl Faults {
    /// Chance of this seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        // As FoundationDB's Buggify: some runs are nearly calm, some a storm.
        let intensity = *[5, 30, 100].get(rng.random_range(0..3)).unwrap_or(&100);
        Self {
            rng: Mutex::new(rng),
            happened: Mutex::default(),
            calm: false.into(),
            intensity,
        }
    }

    /// Whether the fault `what` happens now; `percent` at full intensity.
    pub fn strikes(&self, what: &'static str, percent: u32) -> bool {
        if self.calm.load(Ordering::Relaxed) {
            return false;
        }
        let strikes = self.below(10_000) < u64::from(percent * self.intensity);
        if strikes {
            self.note(what);
        }
        strikes
    }

    /// Counts something that happened.
    pub fn note(&self, what: &'static str) {
        let mut happened = lock(&self.happened);
        *happened.entry(what).or_default() += 1;
    }

    /// A number below the limit.
    pub fn below(&self, limit: u64) -> u64 {
        lock(&self.rng).random_range(0..limit)
    }

    /// No fault strikes any more; delays go on.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// What has struck so far, and how often.
    pub fn happened(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.happened).clone()
    }
}

impl Random for Faults {
    fn next_u64(&self) -> u64 {
        lock(&self.rng).random()
    }
}
