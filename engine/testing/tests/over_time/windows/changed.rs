//! A window waits otherwise than before: what is closed stays closed, and what is open waits by the rules in force.

use super::{pairs, told};
use crate::{replaying::Seen, stage::Stage};

const MINUTE: u64 = 60_000;
const KINDS: [&str; 3] = ["{tumbling: 1m}", "{hopping: 1m, every: 30s}", "{session: 30s}"];

fn window(over: &str, rules: &str) -> String {
    format!("{{w: {{over: {over}, aggregate: {{n: count}}{rules}}}}}")
}

fn tumbling(rules: &str) -> String {
    window("{tumbling: 1m}", rules)
}

/// All is told and nothing is left, and all of it is the same when it is done again.
fn end(stage: &mut Stage) {
    stage.tick(100 * MINUTE);
    stage.commit();
    assert!(stage.is_empty("w"));
    assert_eq!(stage.counts.windows_lost, 0);
    stage.assert_replays(&mut Seen::default());
}

#[test]
fn a_longer_grace_opens_no_window_again_that_was_published() {
    for over in KINDS {
        for (before, after) in [
            ("", ", grace: 5m"),
            (", grace: 10s", ", grace: 5m, late: dead-letter"),
        ] {
            let mut stage = Stage::set(&window(over, before), "");
            stage.send("a", 1_000, "");
            stage.send("a", 2_000, "");
            stage.send("b", 2 * MINUTE, "");
            stage.commit();
            let first = told(&mut stage);
            assert!(
                !first.is_empty() && first.iter().all(|(_, n)| *n == 2),
                "{first:?}"
            );
            stage.change(&window(over, after), "");
            stage.send("a", 3_000, "");
            stage.commit();
            assert_eq!(stage.counts.window_late, 1, "{over}");
            let letters = u64::from(after.contains("letter"));
            assert_eq!(stage.counts.outcomes.letters, letters, "{over}");
            // One that was not over by then waits longer.
            stage.send("b", 10 * MINUTE, "");
            stage.outputs.retain(|output| output.subject != "tr.shop.p.dead");
            stage.send("a", 6 * MINUTE + 30_000, "");
            stage.commit();
            assert_eq!(stage.counts.window_late, 1, "{over}");
            end(&mut stage);
            let mut keys = stage
                .results()
                .iter()
                .map(|result| result["n"].to_string())
                .collect::<Vec<_>>();
            keys.dedup();
            assert_eq!(keys, ["1"], "{over}");
        }
    }
}

#[test]
fn a_longer_grace_corrects_nothing_that_was_closed() {
    for (before, after) in [
        ("", ", late: correct, grace: 5m"),
        (", late: correct, grace: 1m", ", late: correct, grace: 5m"),
    ] {
        let mut stage = Stage::set(&tumbling(before), "");
        stage.send("a", 1_000, "");
        stage.send("a", 2_000, "");
        stage.send("b", 3 * MINUTE, "");
        stage.commit();
        stage.outputs.clear();
        stage.change(&tumbling(after), "");
        stage.send("a", 3_000, "");
        stage.commit();
        assert_eq!(told(&mut stage), pairs(&[]), "{before}");
        assert_eq!(stage.counts.window_late, 1, "{before}");
        end(&mut stage);
    }
}

#[test]
fn a_longer_grace_corrects_for_longer_what_is_kept() {
    let mut stage = Stage::set(&tumbling(", late: correct, grace: 1m"), "");
    stage.send("a", 1_000, "");
    stage.send("b", MINUTE, "");
    stage.commit();
    stage.change(&tumbling(", late: correct, grace: 5m"), "");
    stage.send("b", 4 * MINUTE, "");
    stage.send("a", 2_000, "");
    stage.send("a", 3_000, "");
    stage.commit();
    let expected = [("final", 1), ("final", 1), ("corrected", 2), ("corrected", 3)];
    assert_eq!(told(&mut stage), pairs(&expected));
    end(&mut stage);
}

#[test]
fn what_had_its_final_takes_no_event_when_nothing_is_corrected_any_more() {
    for (after, letters) in [(", grace: 5m", 0), (", grace: 5m, late: dead-letter", 1), ("", 0)] {
        let mut stage = Stage::set(&tumbling(", late: correct, grace: 5m"), "");
        stage.send("a", 1_000, "");
        stage.send("b", MINUTE, "");
        stage.commit();
        assert_eq!(told(&mut stage), pairs(&[("final", 1)]));
        stage.change(&tumbling(after), "");
        stage.send("a", 2_000, "");
        stage.commit();
        assert_eq!(
            (stage.counts.window_late, stage.counts.outcomes.letters),
            (1, letters),
            "{after}"
        );
        stage.outputs.clear();
        // It stays closed when corrections come back.
        stage.change(&tumbling(", late: correct, grace: 50m"), "");
        stage.send("a", 3_000, "");
        stage.commit();
        assert_eq!(stage.counts.window_late, 2);
        end(&mut stage);
        assert_eq!(told(&mut stage), pairs(&[("final", 1)]), "{after}");
    }
}

#[test]
fn an_early_result_leaves_by_the_rules_in_force() {
    for (before, after, expected) in [
        (", early: 10s", "", vec![("-", 3)]),
        (", early: 10s", ", early: 30s", vec![("early", 3), ("final", 3)]),
        ("", ", early: 30s", vec![("early", 3), ("final", 3)]),
        (", early: 10s", ", grace: 1m, late: correct", vec![("final", 3)]),
    ] {
        let mut stage = Stage::set(&tumbling(before), "");
        stage.send("a", 1_000, "");
        stage.send("a", 12_000, "");
        stage.commit();
        stage.outputs.clear();
        stage.change(&tumbling(after), "");
        stage.send("a", 13_000, "");
        stage.tick(59_000);
        stage.commit();
        end(&mut stage);
        assert_eq!(told(&mut stage), pairs(&expected), "from {before:?} to {after:?}");
    }
}

#[test]
fn what_is_over_by_the_rules_in_force_leaves_at_once_and_its_final_first() {
    for over in ["{tumbling: 1m}", "{hopping: 1m, every: 30s}"] {
        let mut stage = Stage::set(&window(over, ", grace: 10m"), "");
        stage.send("a", 1_000, "");
        stage.send("b", 2 * MINUTE, "");
        stage.commit();
        assert_eq!(told(&mut stage), pairs(&[]));
        stage.change(&window(over, ", late: correct, grace: 10m"), "");
        stage.send("a", 2_000, "");
        stage.commit();
        let all = told(&mut stage);
        let (finals, corrected) = all.split_at(all.len() / 2);
        assert!(
            finals.iter().all(|(told, n)| told == "final" && *n == 1),
            "{all:?}"
        );
        assert!(
            corrected.iter().all(|(told, n)| told == "corrected" && *n == 2),
            "{all:?}"
        );
        end(&mut stage);
    }
    for over in KINDS {
        let mut stage = Stage::set(&window(over, ", grace: 10m"), "");
        for key in 0..700 {
            stage.send(&format!("u{key}"), 1_000, "");
        }
        stage.send("b", 2 * MINUTE, "");
        stage.commit();
        assert_eq!(told(&mut stage), pairs(&[]));
        stage.change(&window(over, ""), "");
        stage.send("u1", 2_000, "");
        stage.commit();
        let all = told(&mut stage);
        assert!(
            all.len() >= 700 && all.iter().all(|(_, n)| *n == 1),
            "{over}: {}",
            all.len()
        );
        assert_eq!(stage.counts.window_late, 1, "{over}");
        end(&mut stage);
    }
}

#[test]
fn a_change_that_comes_while_the_engine_is_down_is_taken_up_the_same() {
    let mut stage = Stage::set(&tumbling(""), "");
    stage.send("a", 1_000, "");
    stage.send("b", MINUTE, "");
    stage.commit();
    stage.outputs.clear();
    stage.change(&tumbling(", grace: 5m"), "");
    stage.send("a", 2_000, "");
    stage.crash();
    stage.commit();
    assert_eq!((stage.counts.window_late, stage.outputs.len()), (1, 0));
    stage.crash();
    stage.send("a", 3_000, "");
    stage.commit();
    assert_eq!(stage.counts.window_late, 2);
    end(&mut stage);
    assert_eq!(told(&mut stage), pairs(&[("-", 1)]));
}

/// The partition takes a revision up only then: see `partition/swapping.rs`.
#[test]
fn a_turn_that_ends_amid_a_storm_says_so_until_all_is_told() {
    let mut stage = Stage::set(&tumbling(""), "");
    for user in 0..1_500 {
        stage.send(&format!("u{user}"), 1_000, "");
    }
    stage.commit();
    stage.send("u1", MINUTE, "");
    assert!(stage.commit_once());
    assert!(!stage.commit_once());
    assert_eq!(told(&mut stage).len(), 1_500);
    end(&mut stage);
}
