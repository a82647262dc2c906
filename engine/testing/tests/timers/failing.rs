//! Timers that fail: tried again, kept as dead letters, sent again.

use tailrace_core::dead_letter;
use tailrace_dataplane::process::TurnEnd;

use super::stage::{ONE, Stage, TWO};

/// Fails until `ok` is there.
const NEEDY: &str = "set t 10 count,need_ok";

#[test]
fn a_failing_timer_is_tried_again_and_then_a_dead_letter_that_fires_again_when_it_is_sent_again() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, NEEDY);
    stage.send("bob", 10, "");
    let mut tries = 0;
    while let TurnEnd::Retry(_) = stage.turn() {
        tries += 1;
    }
    stage.commit();
    assert_eq!(tries, 2, "as many as its step allows");
    assert_eq!(stage.counts.timers, 1);
    let letters: Vec<_> = stage.dead().into_iter().cloned().collect();
    let [letter] = &letters[..] else {
        panic!("{letters:?}");
    };
    let reason = dead_letter::reason(&letter.headers).unwrap();
    assert_eq!((reason.step.as_str(), reason.code.as_str()), ("a", "transient"));
    assert_eq!((reason.timer.as_deref(), reason.key.as_str()), (Some("t"), "ada"));
    assert_eq!(&letter.payload[..], b"count;need ok");
    // Its effects were taken back, and it does not fire by itself again.
    stage.send("ada", 20, "put ok");
    stage.commit();
    assert_eq!(stage.counts.timers, 1);
    stage.redrive(letter);
    let end = stage.turn();
    assert!(matches!(end, TurnEnd::Drained), "{end:?}");
    stage.commit_batch();
    assert!(stage.said().contains(&"count 1".to_owned()), "{:?}", stage.said());
}

#[test]
fn a_timer_that_recovers_within_its_tries_takes_effect_once() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, NEEDY);
    stage.send("bob", 10, "");
    assert!(matches!(stage.turn(), TurnEnd::Retry(_)));
    // What was processed before it is committed, and the engine dies between two tries.
    stage.commit_batch();
    stage.crash();
    stage.commit();
    assert_eq!(stage.dead().len(), 1, "a new engine gives it all its tries");
    assert_eq!(stage.counts.timers, 1);
}

#[test]
fn an_invalid_timer_and_one_that_traps_are_dead_letters_and_the_next_one_fires() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, "set a 10 invalid;set b 10 trap;set c 10");
    stage.send("bob", 10, "");
    stage.commit();
    let codes: Vec<_> = stage
        .dead()
        .into_iter()
        .map(|letter| dead_letter::reason(&letter.headers).unwrap().code)
        .collect();
    assert_eq!(codes, ["told-so", "crash"]);
    assert_eq!(stage.said(), ["10 ada a c by 1"]);
}

#[test]
fn a_timer_that_is_sent_again_to_a_step_that_is_gone_is_lost_and_fires_at_no_other_step() {
    let mut stage = Stage::set(TWO);
    stage.send("ada", 0, "b: set t 10 invalid");
    stage.send("bob", 10, "");
    stage.commit();
    let letter = stage.dead()[0].clone();
    stage.adopt(ONE);
    stage.redrive(&letter);
    stage.commit();
    assert_eq!(stage.counts.timers_lost, 1);
    assert_eq!(stage.dead().len(), 1);
}
