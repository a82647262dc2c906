//! The control plane and the data plane together in a simulated world, by seed: one to three engines on one
//! broker, and clients who make, change, delete and make anew. Engines die between any two requests, are cut off,
//! lose their disks and come back; requests fail, lose their answers, or take effect late. Then the faults stop,
//! the whole settles by itself, and the checkers read what is there.
//!
//! `SIMULATION_SEED=42` replays one seed, and shows what happens with `RUST_LOG=debug`; `SIMULATION_SEEDS=100000`
//! runs more of them.

#![allow(clippy::print_stdout, reason = "a test run tells its figures")]

#[path = "../shared/seeds.rs"]
mod seeds;

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

use totals::{Broken, Totals};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 2_000;

#[test]
fn no_life_sees_another_and_nothing_stays_behind_whatever_dies() {
    trace::show();
    let chosen = seeds::chosen(SEEDS);
    let (mut totals, mut broken) = (Totals::default(), Broken::default());
    for (seed, ran) in seeds::run_all(chosen.clone(), scenario::run) {
        match ran {
            Some(Ok(run)) => totals.add(&run),
            Some(Err(why)) => broken.add(seed, why),
            None => broken.add(seed, "it panicked".to_owned()),
        }
    }
    println!("{totals}");
    assert!(
        broken.is_empty(),
        "{broken}replay: SIMULATION_SEED=… cargo test -p tailrace-testing --test lives"
    );
    if chosen.end - chosen.start > 500 {
        totals.assert_all_happened();
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        assert_eq!(scenario::run(seed), scenario::run(seed), "seed {seed}");
    }
}
