//! The seeds of a simulation, and their runs on all cores.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Most threads: each runs a seed after the other.
const MOST_THREADS: usize = 16;

/// `SIMULATION_SEED` alone, or the first `SIMULATION_SEEDS`; `usual` of them where neither is said.
pub fn chosen(usual: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(usual),
    }
}

/// What came of each seed, in their order; nothing of one that panicked. What a seed does hangs on nothing but the
/// seed, so it does not matter which of them run beside each other.
pub fn run_all<R: Send>(seeds: Range<u64>, run: impl Fn(u64) -> R + Sync) -> Vec<(u64, Option<R>)> {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Vec::new());
    let run_some = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            break;
        }
        let ran = catch_unwind(AssertUnwindSafe(|| run(seed))).ok();
        all.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((seed, ran));
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(run_some);
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_unstable_by_key(|(seed, _)| *seed);
    all
}
