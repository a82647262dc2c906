//! Many timers that are due at once: they commit as they go, in batches of a bounded size.

use std::collections::BTreeSet;

use tailrace_dataplane::{
    process::TurnEnd,
    turn::bounds::{MAX_BATCH_EVENTS, MAX_BATCH_MESSAGES},
};

use super::stage::{ONE, Stage};

const TIMERS: usize = 10_000;

fn storm() -> Stage {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, &format!("many {TIMERS} 1000"));
    stage.commit();
    stage.send("bob", 1_000, "count");
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
    assert!(said[..TIMERS].is_sorted(), "in the order of their names");
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
