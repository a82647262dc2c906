//! What happens at the edges of windows: early results, late events, corrections, times that nobody believes, changed
//! and removed windows, storms.

use serde_json::json;
use tailrace_core::dead_letter::{REASON_HEADER, Reason};

use super::{pairs, told};
use crate::stage::Stage;

const MINUTE: u64 = 60_000;

fn count(more: &str) -> String {
    format!("{{w: {{over: {{tumbling: 1m}}, aggregate: {{n: count}}{more}}}}}")
}

#[test]
fn a_result_says_whose_it_is_and_leaves_on_a_subject_of_its_own() {
    let windows = "{per-minute: {over: {tumbling: 1m}, by: {user: {json: /key}, shop: {json: /shop}},
        aggregate: {orders: count, revenue: {sum: {json: /total}}, largest: {max: {json: /total}, keep: {order: {json: /id}}}}}}";
    let mut stage = Stage::set(windows, "");
    stage.send("ann", MINUTE + 1, ",\"shop\":7,\"total\":10.10,\"id\":\"x\"");
    stage.send("ann", MINUTE + 2, ",\"shop\":7,\"total\":0.2,\"id\":\"y\"");
    stage.send("ann", 2 * MINUTE, ",\"shop\":null,\"total\":\"?\"");
    stage.commit();
    assert_eq!(stage.outputs[0].subject, "out.per-minute.7,ann");
    let expected = json!({
        "window": "per-minute", "start": "1970-01-01T00:01:00.000Z", "end": "1970-01-01T00:02:00.000Z",
        "shop": 7, "user": "ann", "orders": 2, "revenue": 10.3, "largest": {"value": 10.1, "order": "x"},
    });
    assert_eq!(stage.results(), [expected]);
    stage.tick(3 * MINUTE);
    stage.commit();
    let found = stage.results().remove(0);
    assert_eq!(
        (&found["shop"], &found["revenue"], &found["orders"]),
        (&json!(null), &json!(null), &json!(1))
    );
    assert_eq!(stage.counts.skipped, 2);
}

#[test]
fn early_results_tell_how_far_a_window_is_and_only_what_is_new() {
    let mut stage = Stage::set(&count(", early: 10s"), "");
    stage.send("a", 1_000, "");
    stage.send("a", 12_000, "");
    stage.send("a", 35_000, "");
    stage.tick(50_000);
    stage.commit();
    assert_eq!(
        told(&mut stage),
        pairs(&[("early", 1), ("early", 2), ("early", 3)])
    );
    stage.tick(MINUTE);
    stage.commit();
    assert_eq!(told(&mut stage), pairs(&[("final", 3)]));
    assert!(stage.is_empty("w"));
}

#[test]
fn what_comes_within_grace_corrects_a_result_that_was_told() {
    let mut stage = Stage::set(&count(", late: correct, grace: 30s"), "");
    stage.send("a", 59_000, "");
    stage.send("a", MINUTE, "");
    stage.send("a", 58_000, "");
    stage.send("a", MINUTE + 29_999, "");
    stage.send("a", 57_000, "");
    stage.send("a", MINUTE + 30_000, "");
    stage.send("a", 56_000, "");
    stage.commit();
    assert_eq!(
        told(&mut stage),
        pairs(&[("final", 1), ("corrected", 2), ("corrected", 3)])
    );
    assert_eq!(stage.counts.window_late, 1);
    stage.tick(10 * MINUTE);
    stage.commit();
    assert_eq!(told(&mut stage), pairs(&[("final", 3)]));
    assert!(stage.is_empty("w"));
}

#[test]
fn late_events_become_dead_letters_where_the_manifest_says_so() {
    let mut stage = Stage::set(&count(", late: dead-letter"), "");
    stage.send("a", 2 * MINUTE, "");
    stage.send("a", MINUTE, "");
    stage.send("a", 10_000, "");
    stage.commit();
    assert_eq!(stage.counts.window_late, 2);
    assert_eq!(stage.counts.outcomes.letters, 2);
    assert!(
        stage
            .outputs
            .iter()
            .all(|output| output.subject == "tr.shop.p.dead")
    );
}

#[test]
fn a_time_that_nobody_believes_opens_no_window() {
    let mut stage = Stage::set(&count(""), "");
    stage.send("a", 253_402_300_799_000, "");
    stage.commit();
    assert_eq!(stage.counts.window_late, 1);
    assert!(stage.is_empty("w"));
}

#[test]
fn a_dead_letter_of_a_window_says_that_the_time_is_not_believed() {
    let mut stage = Stage::set(&count(", late: dead-letter"), "");
    stage.send("a", 253_402_300_799_000, "");
    stage.commit();
    let headers = &stage.outputs[0].headers;
    let header = headers.iter().find(|header| header.name == REASON_HEADER);
    let told: Reason = serde_json::from_str(&header.unwrap().value).unwrap();
    assert_eq!(told.code, "ahead");
    assert!(
        told.reason.contains("after the broker received it"),
        "{}",
        told.reason
    );
}

#[test]
fn events_go_out_beside_results_where_the_manifest_says_so() {
    let windows = count("");
    let mut stage = Stage::set(&windows, "");
    stage.send("a", 1_000, "");
    stage.commit();
    assert!(stage.outputs.is_empty());
    let more = "steps: []";
    let text = windows.clone();
    let mut stage = Stage::set_with_output("{subject: \"out.{window}.{key}\", events: true}", &text, more);
    stage.send("a", 1_000, "");
    stage.send("a", MINUTE, "");
    stage.commit();
    let subjects: Vec<_> = stage
        .outputs
        .iter()
        .map(|output| output.subject.as_str())
        .collect();
    assert_eq!(subjects, ["out.events.a", "out.w.a", "out.events.a"]);
}

/// Whatever number names a group, its digits stay, and the window ends.
#[test]
fn a_group_may_be_a_number_that_no_type_holds() {
    let digits = "9".repeat(300);
    let numbers = [
        "1e400",
        "-1e400",
        "18446744073709551617",
        "0.1e+99999999999999999999",
        &digits,
    ];
    for over in ["tumbling: 1m", "session: 10s", "hopping: 1m, every: 30s"] {
        let windows =
            format!("{{w: {{over: {{{over}}}, by: {{g: {{json: /g}}}}, aggregate: {{n: count}}}}}}");
        let mut stage = Stage::set(&windows, "");
        for number in numbers {
            stage.send("a", 1_000, &format!(",\"g\":{number}"));
        }
        stage.tick(3 * MINUTE);
        stage.commit();
        for number in numbers {
            let told = format!("\"g\":{number},\"n\":1");
            let is_told = |payload: &[u8]| String::from_utf8_lossy(payload).contains(&told);
            assert!(
                stage.outputs.iter().any(|output| is_told(&output.payload)),
                "{over}: {told}"
            );
        }
        assert!(stage.is_empty("w"), "{over}");
    }
}

#[test]
fn a_window_that_is_declared_otherwise_ends_what_it_had_and_says_so() {
    let mut stage = Stage::set(&count(""), "");
    stage.send("a", 1_000, "");
    stage.commit();
    stage.change(
        "{w: {over: {tumbling: 1m}, aggregate: {n: count, sum: {sum: {json: /v}}}}}",
        "",
    );
    stage.send("a", 2_000, ",\"v\":3");
    stage.tick(MINUTE);
    stage.commit();
    assert_eq!(told(&mut stage), pairs(&[("-", 1)]));
    assert_eq!(stage.counts.windows_lost, 1);
    assert!(stage.is_empty("w"));
}

#[test]
fn a_window_that_is_declared_again_as_it_was_begins_anew() {
    let between = [
        "{v: {over: {session: 1m}, aggregate: {n: count}}}",
        "{w: {over: {tumbling: 2m}, aggregate: {n: count}}}",
    ];
    for between in between {
        let mut stage = Stage::set(&count(""), "");
        stage.send("a", 1_000, "");
        stage.commit();
        stage.change(between, "");
        stage.send("b", 2_000, "");
        stage.commit();
        stage.change(&count(""), "");
        stage.send("a", 3_000, "");
        stage.send("c", 4_000, "");
        // A revision that changes nothing of it ends nothing.
        stage.change(&count(""), "partitions: 1");
        stage.send("c", 5_000, "");
        stage.tick(2 * MINUTE);
        stage.commit();
        let told: Vec<_> = told(&mut stage).into_iter().map(|(_, n)| n).collect();
        assert_eq!(told, [1, 2], "{between}");
        assert!(stage.is_empty("w"), "{between}");
    }
}

#[test]
fn a_window_that_is_declared_no_longer_leaves_nothing() {
    let mut stage = Stage::set(&count(""), "");
    stage.send("a", 1_000, "");
    stage.send("b", 1_000, "");
    stage.commit();
    stage.change("{v: {over: {session: 1m}, aggregate: {n: count}}}", "");
    stage.tick(MINUTE);
    stage.commit();
    assert_eq!(told(&mut stage), pairs(&[]));
    assert_eq!(stage.counts.windows_lost, 2);
    assert!(stage.is_empty("w"));
}

#[test]
fn a_storm_of_windows_is_told_in_batches_and_once_though_it_is_cut_off() {
    let mut stage = Stage::set(&count(""), "");
    for user in 0..10_000 {
        stage.send(&format!("u{user}"), 1_000, "");
    }
    stage.commit();
    stage.send("u0", MINUTE, "");
    stage.crash();
    let batches = stage.commit();
    assert!(batches >= 10, "{batches}");
    let results = stage.results();
    assert_eq!(results.len(), 10_000);
    let mut keys: Vec<_> = results.iter().map(|result| result["key"].to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10_000);
}

#[test]
fn a_session_is_cut_where_it_would_be_too_long() {
    let mut stage = Stage::set(
        "{w: {over: {session: 10s, at-most: 30s}, aggregate: {n: count}}}",
        "",
    );
    for second in (0..60).step_by(5) {
        stage.send("a", second * 1_000, "");
    }
    stage.tick(2 * MINUTE);
    stage.commit();
    let spans: Vec<_> = stage
        .results()
        .iter()
        .map(|result| {
            (
                result["start"].as_str().unwrap()[17..19].to_owned(),
                result["n"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(spans, [("00".to_owned(), 7), ("35".to_owned(), 5)]);
    assert!(stage.is_empty("w"));
}

#[test]
fn a_window_that_waits_longer_or_otherwise_than_before_is_told_once_and_leaves_nothing() {
    let rules = [
        "",
        ", grace: 30s",
        ", grace: 5m",
        ", grace: 30s, late: correct",
        ", grace: 5m, late: correct",
        ", late: dead-letter",
    ];
    for (before, after) in rules
        .iter()
        .flat_map(|before| rules.map(|after| (*before, after)))
    {
        let mut stage = Stage::set(&count(before), "");
        stage.send("a", 1_000, "");
        stage.commit();
        stage.change(&count(after), "");
        stage.send("a", 2_000, "");
        stage.tick(MINUTE + 10_000);
        stage.commit();
        stage.send("b", 20 * MINUTE, "");
        stage.tick(40 * MINUTE);
        stage.commit();
        let told: Vec<_> = told(&mut stage).into_iter().map(|(_, n)| n).collect();
        assert_eq!(told, [2, 1], "from {before:?} to {after:?}");
        assert!(stage.is_empty("w"), "from {before:?} to {after:?}");
        assert_eq!(stage.counts.windows_lost, 0);
    }
}

#[test]
fn a_window_of_another_length_is_not_told_at_the_end_of_the_former() {
    let windows = |over: &str| format!("{{w: {{over: {over}, aggregate: {{n: count}}}}}}");
    for (before, after, expected) in [
        ("{tumbling: 1m}", "{tumbling: 2m}", vec![1]),
        ("{hopping: 2m, every: 1m}", "{tumbling: 2m}", vec![1]),
        ("{session: 1m}", "{tumbling: 2m}", vec![1]),
        ("{tumbling: 2m}", "{session: 90s}", vec![1]),
    ] {
        let mut stage = Stage::set(&windows(before), "");
        stage.send("a", 1_000, "");
        stage.commit();
        stage.change(&windows(after), "");
        stage.send("a", 2_000, "");
        stage.tick(10 * MINUTE);
        stage.commit();
        let told: Vec<_> = told(&mut stage).into_iter().map(|(_, n)| n).collect();
        assert_eq!(told, expected, "from {before} to {after}");
        assert_eq!(stage.counts.windows_lost, 1, "from {before} to {after}");
        assert!(stage.is_empty("w"), "from {before} to {after}");
    }
}

#[test]
fn a_window_of_many_steps_that_is_declared_no_longer_leaves_nothing() {
    let mut stage = Stage::set(
        "{w: {over: {hopping: 150s, every: 100ms}, aggregate: {n: count}}}",
        "",
    );
    for step in 0..1_400 {
        stage.send("a", step * 100, "");
    }
    stage.commit();
    stage.outputs.clear();
    stage.change(&count("").replace("{w:", "{v:"), "");
    stage.tick(10 * MINUTE);
    stage.commit();
    assert_eq!(stage.counts.windows_lost, 1_400);
    assert!(stage.is_empty("w"));
}

#[test]
fn a_time_beyond_the_calendar_opens_no_window_though_every_time_is_believed() {
    for over in ["{tumbling: 1m}", "{session: 1m}"] {
        let mut stage = Stage::of(&format!(
            "name: p\ninput: {{subjects: [in], key: {{json: /key}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s, ahead: any}}}}\n\
             output: {{subject: out}}\nwindows: {{w: {{over: {over}, late: drop, grace: 1h, aggregate: {{n: count}}}}}}\n"
        ));
        stage.send("a", 9_000_000_000_000_000, "");
        stage.send("a", 253_402_300_800_000, "");
        stage.commit();
        assert_eq!((stage.counts.window_late, stage.counts.ahead), (2, 2), "{over}");
        assert!(stage.is_empty("w"));
        // They have moved no clock: what comes behind them is in time.
        stage.send("a", 100_000, "");
        stage.commit();
        assert_eq!(stage.counts.window_late, 2, "{over}");
        assert!(!stage.is_empty("w"));
    }
}

#[test]
fn an_event_that_corrects_more_results_than_a_batch_holds_is_a_dead_letter() {
    let windows =
        "{w: {over: {hopping: 100s, every: 100ms}, late: correct, grace: 100s, aggregate: {n: count}}}";
    let mut stage = Stage::set(windows, "");
    stage.send("a", 200_000, "");
    stage.send("a", 101_000, "");
    stage.commit();
    let dead: Vec<_> = stage
        .outputs
        .iter()
        .filter(|output| output.subject == "tr.shop.p.dead")
        .collect();
    assert_eq!(dead.len(), 1);
    assert!(
        reason(dead[0]).contains("\"code\":\"over-cap\""),
        "{}",
        reason(dead[0])
    );
}

fn reason(letter: &tailrace_core::ports::broker::Output) -> &str {
    let mut headers = letter.headers.iter();
    let header = headers.find(|header| header.name == tailrace_core::dead_letter::REASON_HEADER);
    header.map_or("", |header| header.value.as_str())
}

#[test]
fn an_event_that_another_window_takes_is_no_dead_letter_and_one_that_is_goes_no_further() {
    let long = "{w: {over: {tumbling: 1m}, late: dead-letter, aggregate: {n: count}}, long: {over: {tumbling: 1h}, aggregate: {n: count}}}";
    let mut stage = Stage::set(long, "");
    stage.send("a", 2 * MINUTE, "");
    stage.send("a", 1_000, "");
    stage.commit();
    assert_eq!((stage.counts.window_late, stage.counts.outcomes.letters), (1, 0));
    let output = "{subject: \"out.{window}\", events: true}";
    let mut stage = Stage::set_with_output(output, &count(", late: dead-letter"), "");
    stage.send("a", 2 * MINUTE, "");
    stage.send("a", 1_000, "");
    stage.commit();
    let subjects: Vec<_> = stage
        .outputs
        .iter()
        .map(|output| output.subject.as_str())
        .collect();
    assert_eq!(subjects, ["out.events", "tr.shop.p.dead"]);
    let told = reason(&stage.outputs[1]);
    assert!(told.contains("\"step\":\"windows\""), "{told}");
    // Sent again under a window that drops it, it goes out as an event.
    let letter = stage.outputs.pop_back().unwrap();
    stage.change_to(&format!(
        "name: p\ninput: {{subjects: [in], key: {{json: /key}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s}}}}\n\
         output: {output}\nwindows: {}\n",
        count("")
    ));
    stage.redrive(letter);
    stage.commit();
    assert_eq!(stage.outputs[1].subject, "out.events");
}

#[test]
fn a_letter_that_is_sent_again_says_that_it_stays_late_also_where_windows_wait_longer_by_now() {
    let mut stage = Stage::set(&count(", late: dead-letter"), "");
    stage.send("a", 2 * MINUTE, "");
    stage.send("a", 1_000, "");
    stage.commit();
    for grace in ["", ", grace: 5m"] {
        stage.change(&count(&format!(", late: dead-letter{grace}")), "");
        let letter = stage.outputs.pop_back().unwrap();
        stage.redrive(letter);
        stage.commit();
        let told = reason(stage.outputs.back().unwrap());
        assert!(told.contains("it was sent again, and stays late"), "{told}");
    }
}

#[test]
fn a_value_that_is_too_long_is_not_kept() {
    let windows = "{w: {over: {tumbling: 1m}, aggregate: {last: {last: {json: /v}}}}}";
    let mut stage = Stage::set(windows, "");
    stage.send("a", 1_000, ",\"v\":\"short\"");
    stage.send("a", 2_000, &format!(",\"v\":\"{}\"", "x".repeat(5_000)));
    stage.tick(MINUTE);
    stage.commit();
    assert_eq!(stage.results()[0]["last"], "short");
    assert_eq!(stage.counts.skipped, 1);
}

#[test]
fn a_window_that_each_event_changes_takes_room_in_a_batch_once() {
    let windows = "{w: {over: {tumbling: 1m}, aggregate: {most: {top: {json: /v}, size: 5}}}}";
    let mut stage = Stage::set(windows, "");
    for event in 0..1_000 {
        stage.send("a", 1_000 + event, &format!(",\"v\":\"item {event}\""));
    }
    assert_eq!(stage.commit(), 1);
}
