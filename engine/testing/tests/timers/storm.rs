//! Very many timers that are due at once: they commit as they go, in batches of a bounded size, and between two of them
//! another tenant has its turn.

use std::{collections::BTreeSet, time::Duration};

use tailrace_core::name::Name;
use tailrace_dataplane::{
    process::TurnEnd,
    schedule::queues::Queues,
    turn::bounds::{MAX_BATCH_EVENTS, MAX_BATCH_MESSAGES},
};

use super::stage::{ONE, Stage};

/// Set by so many events of keys of their own.
const SETTERS: usize = 100;
const TIMERS: usize = SETTERS * 1_000;

/// One event, and all of them are due.
fn storm() -> Stage {
    let mut stage = Stage::set(ONE);
    for setter in 0..SETTERS {
        stage.send(&format!("k{setter:03}"), 0, "many 1000 1000");
    }
    stage.commit();
    stage.batches.clear();
    stage.send("zoe", 1_000, "count");
    stage
}

#[test]
fn a_storm_of_timers_fires_each_once_in_bounded_batches_although_the_engine_dies_again_and_again() {
    let mut stage = storm();
    for crash in 0.. {
        let end = stage.turn();
        if crash % 3 == 1 {
            // In the midst of a batch: nothing of it is there.
            stage.crash();
            continue;
        }
        stage.commit_batch();
        if crash % 3 == 2 {
            stage.crash();
        }
        if matches!(end, TurnEnd::Drained) {
            break;
        }
        assert!(matches!(end, TurnEnd::Full), "{end:?}");
    }
    let said = stage.said();
    let fired: BTreeSet<&String> = said.iter().filter(|text| text.contains(" by ")).collect();
    assert_eq!((fired.len(), said.len()), (TIMERS, TIMERS + 1));
    assert_eq!(
        said.last().map(String::as_str),
        Some("count 1"),
        "the event comes behind them all"
    );
    assert!(said[..TIMERS].is_sorted(), "in the order of their keys and names");
    assert_eq!(stage.counts.timers, TIMERS as u64);
    let most = stage.batches.iter().max().copied().unwrap();
    assert!(
        most <= MAX_BATCH_EVENTS.min(MAX_BATCH_MESSAGES as u64),
        "a batch of {most}"
    );
    assert!(
        stage.batches.len() > TIMERS / MAX_BATCH_MESSAGES,
        "{:?}",
        stage.batches
    );
}

#[test]
fn timers_that_emit_much_share_no_batch_that_the_broker_could_not_take() {
    let mut stage = Stage::set(ONE);
    let sets: Vec<String> = (0..6)
        .map(|number| format!("set t{number} 10 shout_400"))
        .collect();
    stage.send("ada", 0, &sets.join(";"));
    stage.commit();
    stage.send("ada", 10, "");
    loop {
        let end = stage.turn();
        let sealed = stage.seal();
        assert!(
            sealed.outputs.len() <= MAX_BATCH_MESSAGES,
            "{} messages",
            sealed.outputs.len()
        );
        stage.apply(sealed);
        if matches!(end, TurnEnd::Drained) {
            break;
        }
    }
    assert_eq!(stage.counts.timers, 6);
    let shouts = stage.said().iter().filter(|text| *text == "x").count();
    assert_eq!(shouts, 2_400);
}

#[test]
fn another_tenant_has_every_other_turn_while_a_storm_fires() {
    let names = ["calm", "storm"].map(|name| Name::new(name).unwrap());
    let mut stages = [Stage::set(ONE), storm()];
    let mut queues: Queues<usize> = Queues::default();
    let (mut now, mut sent, mut waited) = (Duration::ZERO, 0, 0);
    queues.push(&names[1], 1);
    loop {
        if stages[0].counts.outcomes.events == sent {
            // All that it has sent is done, and it comes with more.
            sent += 1;
            stages[0].send("ada", sent, "put seen");
            queues.push(&names[0], 0);
            waited = 0;
        }
        let (ticket, which) = queues.pop(1, now).expect("somebody waits");
        let end = stages[which].turn();
        stages[which].commit_batch();
        // A batch of the storm takes as long as ten of the other.
        now += Duration::from_millis([5, 50][which]);
        queues.done(&ticket, now, 1);
        if which == 1 {
            waited += 1;
            assert!(waited <= 1, "its event waits for {waited} batches of the storm");
            match end {
                TurnEnd::Full => queues.push(&names[1], 1),
                TurnEnd::Drained => break,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(stages[1].counts.timers, TIMERS as u64);
    let most = (TIMERS / MAX_BATCH_MESSAGES) as u64;
    assert!(sent >= most, "{sent} events beside at least {most} batches");
}
