//! The real engine in a simulated world, by seed: a broker that loses answers, stores late, repeats
//! itself and disconnects; plugins that fail, trap and take their time; crashes between any two
//! steps; two engines that both believe the pipeline is theirs. After each run the checkers read
//! what the broker holds, and a failing seed prints itself.
//!
//! `SIMULATION_SEED=42` replays one seed; `SIMULATION_SEEDS=100000` runs more of them.

#![allow(clippy::print_stdout, reason = "a test run tells its figures")]

#[path = "../shared/replaying.rs"]
mod replaying;
#[path = "../shared/seeds.rs"]
mod seeds;

mod checker;
mod plugins;
mod recorded;
mod replays;
mod rough;
mod runs;
mod scenario;
mod sketches;
mod timers;
mod totals;
mod upgraded;
mod world;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 2_000;

#[test]
fn effects_take_place_once_and_in_order_whatever_dies() {
    let chosen = seeds::chosen(SEEDS);
    let mut totals = totals::Totals::default();
    for (seed, ran) in seeds::run_all(chosen.clone(), runs::run) {
        let replay =
            format!("replay: SIMULATION_SEED={seed} cargo test -p tailrace-testing --test simulation");
        match ran {
            Some(Ok(run)) => totals.add(&run),
            Some(Err(broken)) => panic!("seed {seed}: {broken}\n{replay}"),
            None => panic!("seed {seed} panicked\n{replay}"),
        }
    }
    println!("{totals}");
    if chosen.end - chosen.start > 500 {
        totals.assert_every_fault_happened();
    }
}

#[test]
fn windowed_and_grouped_sketches_are_those_of_an_undisturbed_run_whatever_dies() {
    let mut late = 0;
    for seed in 0..250 {
        let replay = format!("seed {seed}");
        let divided = runs::run_beside_an_undisturbed_one(seed).expect(&replay);
        late += divided.iter().map(|divided| divided.late).sum::<u64>();
        let windows = divided.iter().flat_map(|divided| divided.series.keys());
        assert!(
            windows.filter(|series| series.window.is_some()).count() > 0,
            "{replay}"
        );
    }
    assert!(
        late > 100,
        "only {late} events came late: too few to show anything"
    );
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        assert_eq!(runs::run(seed), runs::run(seed), "seed {seed}");
    }
}

#[test]
fn those_who_watch_change_nothing() {
    let mut shown = 0;
    for seed in 0..50 {
        let unwatched = runs::run(seed);
        let watched = runs::run_watched(seed, 8).map(|(run, items)| {
            shown += items;
            run
        });
        assert_eq!(watched, unwatched, "seed {seed}");
    }
    assert!(
        shown > 1_000,
        "only {shown} samples were not read: too few to show anything"
    );
}

#[test]
fn a_shadow_that_does_the_same_differs_in_nothing() {
    for seed in 0..50 {
        let (events, found) = runs::run_shadowed(seed, false).unwrap();
        assert_eq!(
            (found.compared, found.active.events),
            (events, events),
            "seed {seed}"
        );
        assert!(found.differences.is_empty(), "seed {seed}: {found:?}");
        assert_eq!(found.candidate.codes, found.active.codes, "seed {seed}");
    }
}

#[test]
fn a_shadow_that_does_otherwise_is_told_by_every_message_of_it() {
    for seed in 0..20 {
        let (events, found) = runs::run_shadowed(seed, true).unwrap();
        let different: u64 = found.differences.values().sum();
        let silent = events - different;
        assert_eq!(
            found.differences.keys().copied().collect::<Vec<_>>(),
            ["headers"],
            "seed {seed}"
        );
        assert!(
            silent < events / 3,
            "seed {seed}: only invalid, poisoned and dropped events are the same"
        );
        assert!(!found.examples.is_empty(), "seed {seed}");
    }
}
