//! Whatever a run was like, its records alone say how it came about: each partition is done again, from its first record
//! and from a snapshot in between, and gives the same records and messages to the byte.

use tailrace_core::order_log::{CallEnd, Fate, OrderLog, Step};

use super::{
    recorded::Recorded,
    replaying::{Committed, Log, Seen},
    runs::{run_recorded, run_upgraded},
};

/// Seeds of each kind of pipeline.
const SEEDS: u64 = 300;

/// Does all partitions of a run again.
fn replay(seed: u64, run: &Recorded, seen: &mut Seen) {
    for log in &run.logs {
        let done = log.replay_all(&mut run.sources(), seen);
        done.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("REPLAY_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn every_record_of_a_run_is_done_again_to_the_byte() {
    let mut seen = Seen::default();
    for seed in seeds() {
        let run = run_recorded(seed, false).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        replay(seed, &run, &mut seen);
    }
    println!("{seen:?}");
    if seeds().count() > 100 {
        seen.assert_all(&[
            "events", "wakes", "mark", "clock", "read by", "canary", "tries", "fuel", "told",
        ]);
    }
}

#[test]
fn so_is_every_record_of_a_rough_run_with_limits_late_events_and_dead_letters_sent_again() {
    let mut seen = Seen::default();
    for seed in seeds() {
        let run = run_recorded(seed, true).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        replay(seed, &run, &mut seen);
    }
    println!("{seen:?}");
    if seeds().count() > 100 {
        seen.assert_all(&[
            "events",
            "redriven",
            "deletions",
            "wakes",
            "mark",
            "clock",
            "read by",
            "canary",
            "traced",
            "shed",
            "tries",
            "transient",
            "trap",
            "fuel",
            "told",
        ]);
    }
}

const SWAPPED: &str = "two runs change places";

#[test]
fn records_of_an_engine_from_before_are_read_and_those_behind_them_are_done_again() {
    let (mut before, mut seen) = (0, Seen::default());
    for seed in 0..100 {
        let run = run_upgraded(seed).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        for log in &run.logs {
            let has_order = |commit: &Committed| commit.record.order.is_some();
            let first = log.commits.iter().rposition(|commit| !has_order(commit));
            let first = first.map_or(0, |last| last + 1);
            let done = log.replay_from(first, &mut run.sources());
            done.unwrap_or_else(|broken| panic!("seed {seed}, from record {first}: {broken}"));
            let again = &log.commits[first..];
            let orders = again.iter().filter_map(|commit| commit.record.order.as_ref());
            orders.for_each(|order| seen.note(order));
            before += first;
            if first > 0 {
                let refused = log.replay_from(first - 1, &mut run.sources());
                assert!(
                    refused.is_err_and(|why| why.contains("an engine from before")),
                    "seed {seed}"
                );
            }
        }
    }
    println!("{before} records from before, then {seen:?}");
    assert!(before > 500 && seen.commits > 300, "{before}, {seen:?}");
}

/// Order logs that are wrong in one place.
fn breaches(order: &OrderLog) -> Vec<(&'static str, OrderLog)> {
    let mut wrong = Vec::new();
    let without = |index: usize| {
        let mut other = order.clone();
        other.fates.remove(index);
        other
    };
    for (index, (_, fate)) in order.fates.iter().enumerate() {
        match fate {
            Fate::Shed(..) => wrong.push(("a shed event is processed", without(index))),
            // A call of the second step that is stopped does what it does otherwise: its policy is `forward`.
            Fate::Call {
                end: Some(CallEnd::Transient(_)),
                ..
            } => wrong.push(("a call that failed comes to its end", without(index))),
            _ => {}
        }
    }
    for index in 1..order.steps.len() {
        let mut other = order.clone();
        other.steps.swap(index - 1, index);
        let is_counted = |step: &Step| matches!(step, Step::Events(_) | Step::Wakes(_));
        if is_counted(&order.steps[index - 1]) && is_counted(&order.steps[index]) {
            wrong.push((SWAPPED, other));
        }
    }
    if let Some(Step::Events(count)) = order.steps.last() {
        let mut other = order.clone();
        other.steps.pop();
        if *count > 1 {
            other.push(Step::Events(count - 1));
        }
        wrong.push(("the last event is missing", other));
    }
    wrong
}

/// Each breach of a record is seen by its effects when the record is done again.
fn see_breaches(log: &Log, run: &Recorded, found: &mut Vec<&'static str>) {
    for (index, commit) in log.commits.iter().enumerate() {
        let order = commit
            .record
            .order
            .as_ref()
            .expect("every record has an order log");
        for (what, wrong) in breaches(order) {
            let done = log.replay_as(index, &wrong, &mut run.sources());
            // Of an event that is dropped and a timer that is over it does not matter which of them came first.
            assert!(
                done.is_err() || what == SWAPPED,
                "{}: {what}, and nobody sees it: {order:?}",
                log.partition
            );
            if done.is_err() {
                found.push(what);
            }
        }
    }
}

#[test]
fn a_record_whose_order_or_fates_are_wrong_is_seen() {
    let mut found = Vec::new();
    for seed in 0..20 {
        let run = run_recorded(seed, true).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        run.logs
            .iter()
            .for_each(|log| see_breaches(log, &run, &mut found));
    }
    for what in [
        "a shed event is processed",
        "a call that failed comes to its end",
        SWAPPED,
        "the last event is missing",
    ] {
        let times = found.iter().filter(|found| **found == what).count();
        println!("{times} times: {what}");
        assert!(times > 10, "{what}: {times}");
    }
}
