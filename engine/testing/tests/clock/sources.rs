//! Sources that are fast, false, slow or many.

use tailrace_core::{dead_letter, watermark::InputClock};

use super::{
    plugin::KEEPS_MS,
    stage::{BEGIN_MS, DAY, HOUR, MINUTE, SECOND, Stage},
};

/// Between the first honest event and the last here.
const SPAN: u64 = 2 * HOUR;
/// The default of `delay`.
const DELAY: u64 = 5 * SECOND;

#[test]
fn a_device_a_day_fast_makes_no_honest_event_late_loses_no_window_and_doubles_no_event() {
    let mut stage = Stage::set("dedup: {json: /id, window: 1h}");
    for at in (0..SPAN).step_by(10_000) {
        stage.send_honest("honest", at, &format!(",\"v\":1,\"id\":\"h{at}\""));
        if (at / 10_000).is_multiple_of(8) {
            // Ninety of them.
            stage.send("fast", at, BEGIN_MS + at + DAY, ",\"v\":2");
        }
    }
    // Fifty come twice within the hour.
    for again in 0..50 {
        let at = SPAN - 10_000 - again * 60_000;
        let id = format!(",\"v\":1,\"id\":\"h{at}\"");
        stage.send("honest", SPAN, BEGIN_MS + SPAN, &id);
    }
    stage.commit();
    assert_eq!((stage.counts.ahead, stage.counts.late), (90, 0));
    assert_eq!(stage.counts.outcomes.duplicates, 50);
    assert_eq!(stage.watermark(), SPAN - DELAY);
    let in_windows = stage.placed.iter().filter(|placed| !placed.is_late).count();
    assert_eq!(
        (in_windows, stage.counts.late_updates),
        (720, 90),
        "a window of every honest event"
    );
}

#[test]
fn events_of_the_year_9999_end_nobody_elses_state() {
    let mut stage = Stage::set("start: all");
    stage.send_honest("user", 0, ",\"set\":\"cart\"");
    for _ in 0..70 {
        stage.send("broken", 1_000, 253_402_300_799_000, ",\"get\":\"cart\"");
    }
    stage.send_honest("user", 2_000, ",\"get\":\"cart\"");
    stage.commit();
    assert_eq!(stage.said(), vec!["there"; 71]);
    assert_eq!((stage.counts.ahead, stage.counts.late), (70, 0));
    assert_eq!(stage.watermark(), 0, "two seconds less the delay");
}

#[test]
fn the_clock_of_a_sensor_every_ten_minutes_is_not_behind() {
    let mut stage = Stage::set("start: all");
    let times = (0..=25 * HOUR).step_by(600_000);
    for at in times.clone() {
        stage.send_honest("sensor", at, ",\"v\":1");
    }
    let sealed = stage.commit();
    assert_eq!(stage.watermark(), 25 * HOUR - DELAY);
    assert_eq!(sealed.cursor.watermark_ms, BEGIN_MS + 25 * HOUR - DELAY);
    assert_eq!(
        sealed.delta.measured["values"].clock_ms,
        sealed.cursor.watermark_ms
    );
    assert_eq!((stage.counts.late, stage.counts.late_updates), (0, 0));
}

#[test]
fn a_thousand_times_in_microseconds_make_no_honest_event_late() {
    let mut stage = Stage::set("start: all");
    for number in 0..1_000_u64 {
        let at = number * 100;
        stage.send("wrong", at, (BEGIN_MS + at) * 1_000, "");
        if number.is_multiple_of(5) {
            stage.send_honest("honest", at, ",\"v\":1");
        }
    }
    let sealed = stage.commit();
    assert_eq!((stage.counts.ahead, stage.counts.late), (1_000, 0));
    assert_eq!(stage.placed.iter().filter(|placed| !placed.is_late).count(), 200);
    let example = sealed.stats.times.ahead_example.unwrap();
    assert!(
        example.ends_with("received 2026-11-28T00:31:39.900Z"),
        "{example}"
    );
}

#[test]
fn late_events_and_those_ahead_go_where_the_manifest_says_and_are_counted_always() {
    for (late, [dropped, dead]) in [("process", [3, 0]), ("drop", [3, 0]), ("dead-letter", [1, 2])] {
        let mut stage = Stage::set(&format!("watermark: {{late: {late}, delay: 1s}}"));
        stage.send_honest("a", HOUR, ",\"v\":1");
        stage.send("a", HOUR, BEGIN_MS + HOUR - 2_000, ",\"v\":1");
        stage.send("a", HOUR, BEGIN_MS + HOUR + DAY, ",\"v\":1");
        stage.commit();
        assert_eq!((stage.counts.late, stage.counts.ahead), (1, 1), "{late}");
        let outcomes = &stage.counts.outcomes;
        assert_eq!([outcomes.dropped, outcomes.dead], [dropped, dead], "{late}");
        // What goes no further is measured nowhere.
        let measured = if late == "process" { 3 } else { 1 };
        assert_eq!(stage.placed.len(), measured, "{late}");
        let reasons = stage.outputs.iter();
        let reasons: Vec<_> = reasons
            .filter_map(|output| dead_letter::reason(&output.headers))
            .map(|reason| reason.code)
            .collect();
        let wanted: &[&str] = if dead > 0 { &["late", "ahead"] } else { &[] };
        assert_eq!(reasons, wanted, "{late}");
    }
}

#[test]
fn a_source_that_is_behind_is_waited_for_and_one_that_has_stopped_is_not() {
    let mut stage = Stage::set("watermark: {per: {subject-token: 2}, lag: 10m, delay: 0s}");
    stage.send_honest("slow", 0, "");
    stage.send_honest("quick", 5 * MINUTE, "");
    assert_eq!(stage.watermark(), 0);
    // Late for the quick one alone, and on time.
    stage.send("slow", 5 * MINUTE, BEGIN_MS + 60_000, "");
    assert_eq!(stage.watermark(), 60_000);
    stage.send_honest("quick", HOUR, "");
    assert_eq!(stage.watermark(), HOUR - 10 * MINUTE);
    stage.commit();
    assert_eq!((stage.counts.late, stage.counts.ahead), (0, 0));
}

#[test]
fn what_is_written_ends_by_the_watermark_and_never_before_its_own_time_is_over() {
    let mut stage = Stage::set("watermark: {delay: 5s}");
    stage.send_honest("a", 0, ",\"set\":\"x\"");
    stage.send_honest("a", KEEPS_MS, ",\"get\":\"x\"");
    stage.send_honest("a", KEEPS_MS + DELAY - 1, ",\"get\":\"x\"");
    stage.send_honest("a", KEEPS_MS + DELAY, ",\"get\":\"x\"");
    stage.commit();
    assert_eq!(stage.said(), ["there", "there", "gone"]);
}

#[test]
fn an_event_that_brings_no_time_among_old_ones_moves_no_clock() {
    let mut stage = Stage::set("start: all");
    let years = 11 * 365 * DAY;
    stage.send("a", 0, BEGIN_MS - years, "");
    stage.send("a", 0, BEGIN_MS - years + 1_000, "");
    let before: InputClock = stage.clock.now().clone();
    stage.send_timeless("a", 10);
    assert_eq!(stage.clock.now().watermark_ms, before.watermark_ms);
    stage.commit();
    assert_eq!(stage.counts.ahead, 0);
}
