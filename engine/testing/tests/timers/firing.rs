//! When timers fire, and in which order.

use super::stage::{ONE, Stage, TWO};

/// What was said of timers, without the sequence of the event that set each.
fn fired(stage: &Stage) -> Vec<String> {
    let said = stage.said();
    let fired = said.iter().filter_map(|text| text.split_once(" by "));
    fired.map(|(fired, _)| fired.to_owned()).collect()
}

#[test]
fn timers_fire_in_the_order_of_time_key_step_and_name_and_none_before_its_time() {
    let mut stage = Stage::set(TWO);
    stage.send("zoe", 0, "set y 20;set x 20;set early 10");
    stage.send("ada", 0, "set x 20;b: set late 30");
    stage.send("bob", 9, "");
    stage.commit();
    assert_eq!(fired(&stage), [""; 0]);
    stage.send("bob", 25, "");
    stage.commit();
    let due = [
        "10 zoe a early",
        "10 zoe b early",
        "20 ada a x",
        "20 ada b x",
        "20 zoe a x",
        "20 zoe a y",
        "20 zoe b x",
        "20 zoe b y",
    ];
    assert_eq!(fired(&stage), due);
    assert_eq!((stage.counts.timers, stage.counts.outcomes.events), (8, 4));
    stage.send("bob", 30, "");
    stage.commit();
    assert_eq!(fired(&stage)[8..], ["30 ada b late"]);
    // Nothing is left of them.
    stage.send("bob", 60_000, "");
    stage.commit();
    assert_eq!(stage.counts.timers, 9);
}

#[test]
fn a_timer_fires_before_the_event_that_moves_the_watermark_past_it() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, "set t 10 count");
    stage.send("ada", 10, "count");
    stage.commit();
    assert_eq!(stage.said()[..3], ["10 ada a t by 1", "count 1", "count 2"]);
}

#[test]
fn a_timer_is_moved_by_setting_it_again_asked_for_and_cancelled() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, "set moved 10;set gone 10;cancel never");
    stage.commit();
    // In another batch than the first time, and twice in this one.
    stage.send(
        "ada",
        1,
        "set moved 20;set moved 30;get moved;cancel gone;get gone",
    );
    stage.send("bob", 1, "get moved");
    stage.send("ada", 29, "");
    stage.commit();
    assert_eq!(stage.said()[..3], ["moved Some(30)", "gone None", "moved None"]);
    assert_eq!(fired(&stage), [""; 0]);
    stage.send("ada", 100, "");
    stage.commit();
    assert_eq!(fired(&stage), ["30 ada a moved"]);
}

#[test]
fn a_timer_sets_further_timers_also_such_as_are_due_at_once() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, "set first 10 set_second_30,set_past_5,set_third_20");
    stage.send("ada", 100, "");
    stage.commit();
    assert_eq!(
        fired(&stage),
        [
            "10 ada a first",
            "5 ada a past",
            "20 ada a third",
            "30 ada a second"
        ]
    );
    stage.send("ada", 100, "set over 50");
    stage.commit();
    assert_eq!(stage.counts.timers, 4, "it waits for the next event or tick");
    stage.send("ada", 100, "");
    stage.commit();
    assert_eq!(fired(&stage)[4..], ["50 ada a over"]);
}

#[test]
fn a_tick_fires_timers_without_any_event() {
    let mut stage = Stage::set(ONE);
    stage.send("ada", 0, "set t 60000");
    stage.commit();
    stage.tick(59_999);
    stage.commit();
    assert_eq!(fired(&stage), [""; 0]);
    stage.tick(60_000);
    stage.commit();
    assert_eq!(stage.said()[..], ["60000 ada a t by 1"]);
}

#[test]
fn what_a_timer_emits_goes_to_the_steps_behind_its_own() {
    let mut stage = Stage::set(TWO);
    // The message is no JSON, so `b` hands it on as it came.
    stage.send("ada", 0, "a: set t 10 count");
    stage.send("ada", 10, "");
    stage.commit();
    assert_eq!(stage.said()[..2], ["10 ada a t by 1", "count 1"]);
}

#[test]
fn a_timer_of_a_step_that_is_gone_is_counted_as_lost() {
    let mut stage = Stage::set(TWO);
    stage.send("ada", 0, "set t 10");
    stage.commit();
    stage.adopt(ONE);
    stage.send("ada", 10, "");
    stage.commit();
    assert_eq!(fired(&stage), ["10 ada a t"]);
    assert_eq!((stage.counts.timers, stage.counts.timers_lost), (1, 1));
    // It is gone for good.
    stage.adopt(TWO);
    stage.send("ada", 20, "");
    stage.commit();
    assert_eq!((stage.counts.timers, stage.counts.timers_lost), (1, 1));
}
