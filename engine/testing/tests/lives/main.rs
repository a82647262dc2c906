//! The control plane and the data plane together in a simulated world, by seed: one to three engines on one
//! broker, and clients who make, change, delete and make anew. Engines die between any two requests, are cut off,
//! lose their disks and come back; requests fail, lose their answers, or take effect late. Then the faults stop,
//! the whole settles by itself, and the checkers read what is there.
//!
//! `SIMULATION_SEED=42` replays one seed, and shows what happens with `RUST_LOG=debug`; `SIMULATION_SEEDS=100000`
//! runs more of them.

#![allow(clippy::print_stdout, reason = "a test run tells its figures")]

mod check_answers;
mod check_audit;
mod check_left;
mod check_own;
mod clients;
mod cluster;
mod history;
mod ledger;
mod plugins;
mod scenario;
mod totals;
mod trace;

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use totals::{Broken, Totals};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 2_000;
/// Most threads: each runs a seed after the other.
const MOST_THREADS: usize = 16;

fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS),
    }
}

/// Runs all seeds. What a seed does hangs on nothing but the seed, so their order does not matter.
fn run_all(seeds: Range<u64>) -> (Totals, Broken) {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new((Totals::default(), Broken::default()));
    let run_some = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            break;
        }
        let ran = std::panic::catch_unwind(|| scenario::run(seed));
        let (totals, broken) = &mut *cluster::lock(&all);
        match ran {
            Ok(Ok(run)) => totals.add(&run),
            Ok(Err(why)) => broken.add(seed, why),
            Err(_) => broken.add(seed, "it panicked".to_owned()),
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(run_some);
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn no_life_sees_another_and_nothing_stays_behind_whatever_dies() {
    trace::show();
    let seeds = seeds();
    let (totals, broken) = run_all(seeds.clone());
    println!("{totals}");
    assert!(
        broken.is_empty(),
        "{broken}replay: SIMULATION_SEED=… cargo test -p tailrace-testing --test lives"
    );
    if seeds.end - seeds.start > 500 {
        totals.assert_all_happened();
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        assert_eq!(scenario::run(seed), scenario::run(seed), "seed {seed}");
    }
}
