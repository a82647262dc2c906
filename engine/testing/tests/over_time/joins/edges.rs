//! What happens at the edges of joins: values at other places, windows of rows, changed declarations, payloads that no
//! join takes, storms.

use serde_json::json;

use crate::stage::Stage;

const SECOND: u64 = 1_000;

fn text(more: &str, joins: &str) -> String {
    format!(
        "name: p\n\
         input: {{key: {{json: /user}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s, lag: 0s}}}}\n\
         inputs: {{clicks: {{subjects: [in.clicks]}}, orders: {{subjects: [in.orders]}}}}\n\
         {more}\njoins: {joins}\n"
    )
}

const OUTPUT: &str = "output: {subject: \"out.{join}.{key}\"}";

fn left(more: &str) -> String {
    text(
        OUTPUT,
        &format!("{{bought: {{left: clicks, right: orders, within: {{after: 10s}}, kind: left{more}}}}}"),
    )
}

fn send(stage: &mut Stage, subject: &'static str, user: &str, seconds: u64, more: &str) {
    let ts = seconds * SECOND;
    stage.send_on(subject, format!("{{\"user\":\"{user}\",\"ts\":{ts}{more}}}"));
}

#[test]
fn a_row_says_whose_it_is_and_leaves_on_a_subject_of_its_own() {
    let mut stage = Stage::of(&left(""));
    send(&mut stage, "in.clicks", "ann", 1, ",\"page\":\"a\"");
    send(&mut stage, "in.clicks", "bob", 1, "");
    send(&mut stage, "in.orders", "ann", 11, ",\"total\":1.10");
    stage.commit();
    let subjects: Vec<_> = stage
        .outputs
        .iter()
        .map(|output| output.subject.clone())
        .collect();
    assert_eq!(subjects, ["out.bought.ann"]);
    let payload = String::from_utf8(stage.outputs[0].payload.to_vec()).unwrap();
    let row = "{\"join\":\"bought\",\"key\":\"ann\",\"left\":{\"user\":\"ann\",\"ts\":1000,\"page\":\"a\"},\
               \"right\":{\"user\":\"ann\",\"ts\":11000,\"total\":1.10}}";
    assert_eq!(payload, row);
    stage.outputs.clear();
    // Bob's wait is over behind the eleventh second, and not at it.
    stage.tick(11 * SECOND);
    stage.commit();
    assert!(stage.outputs.is_empty());
    stage.tick(11 * SECOND + 1);
    stage.commit();
    assert_eq!(stage.results()[0]["left"], json!({"user": "bob", "ts": 1000}));
    assert!(stage.holds_nothing(&["~due"]));
}

#[test]
fn values_at_other_places_meet_whatever_their_form() {
    let join = "{j: {left: clicks, right: orders, on: {left: /page, right: /from/page}, within: {before: 1s, after: 1s}, kind: full}}";
    let mut stage = Stage::of(&text(OUTPUT, join));
    send(&mut stage, "in.clicks", "ann", 1, ",\"page\":7");
    send(&mut stage, "in.orders", "bob", 1, ",\"from\":{\"page\":\"7\"}");
    send(&mut stage, "in.clicks", "ann", 1, ",\"page\":null");
    send(&mut stage, "in.orders", "bob", 1, "");
    stage.commit();
    let rows = stage.results();
    let shape: Vec<_> = rows
        .iter()
        .map(|row| (&row["key"], row["left"].is_null(), row["right"].is_null()))
        .collect();
    let (seven, nothing) = (json!("7"), json!(null));
    assert_eq!(
        shape,
        [
            (&seven, false, false),
            (&nothing, false, true),
            (&nothing, true, false)
        ]
    );
    assert_eq!(stage.counts.skipped, 2);
}

#[test]
fn rows_go_into_the_windows_that_are_of_the_join() {
    let more = "output: {subject: \"out.{window}.{key}\", events: true}\n\
        windows: {bought-a-minute: {of: bought, over: {tumbling: 1m}, by: {}, aggregate: {rows: count, total: {sum: {json: /right/total}}}},\n\
        clicks-a-minute: {of: clicks, over: {tumbling: 1m}, by: {}, aggregate: {n: count}}}";
    let join = "{bought: {left: clicks, right: orders, within: {after: 10s}, kind: left}}";
    let mut stage = Stage::of(&text(more, join));
    send(&mut stage, "in.clicks", "ann", 1, "");
    send(&mut stage, "in.clicks", "ann", 2, "");
    send(&mut stage, "in.clicks", "bob", 3, "");
    send(&mut stage, "in.orders", "ann", 5, ",\"total\":0.1");
    stage.commit();
    let subjects: Vec<_> = stage.outputs.drain(..).map(|output| output.subject).collect();
    let expected = [
        "out.events.ann",
        "out.events.ann",
        "out.events.bob",
        "out.bought.ann",
        "out.bought.ann",
        "out.events.ann",
    ];
    assert_eq!(subjects, expected);
    stage.tick(120 * SECOND);
    stage.commit();
    let told: Vec<_> = stage
        .results()
        .iter()
        .map(|result| {
            (
                result["window"].clone(),
                result["rows"].clone(),
                result["total"].clone(),
                result["n"].clone(),
            )
        })
        .collect();
    let null = json!(null);
    let row = (json!(null), json!(null), json!(null), json!(null));
    assert!(told.contains(&row), "bob's own row: {told:?}");
    assert!(
        told.contains(&(json!("bought-a-minute"), json!(3), json!(0.2), null.clone())),
        "{told:?}"
    );
    assert!(
        told.contains(&(json!("clicks-a-minute"), null.clone(), null, json!(3))),
        "{told:?}"
    );
}

#[test]
fn an_event_that_comes_after_its_wait_goes_into_the_window_in_which_that_ended() {
    let more = "output: {subject: \"out.{join}.{key}\"}\n\
        windows: {w: {of: bought, over: {tumbling: 10s}, by: {}, late: dead-letter, aggregate: {n: count}}}";
    let join = "{bought: {left: clicks, right: orders, within: {after: 10s}, kind: left}}";
    let mut stage = Stage::of(&text(more, join));
    send(&mut stage, "in.orders", "bob", 15, "");
    // Its wait ended at 14 s, when the window from 10 s was open. The one from 0 s, of its own time, is over.
    send(&mut stage, "in.clicks", "ann", 4, "");
    stage.commit();
    assert_eq!(stage.outputs.pop_front().unwrap().subject, "out.bought.ann");
    stage.tick(60 * SECOND);
    stage.commit();
    assert!(
        stage
            .outputs
            .iter()
            .all(|output| output.subject != "tr.shop.p.dead")
    );
    let told: Vec<_> = stage
        .results()
        .iter()
        .map(|result| (result["start"].clone(), result["n"].clone()))
        .collect();
    assert_eq!(told, [(json!("1970-01-01T00:00:10.000Z"), json!(1))]);
}

#[test]
fn a_row_that_is_too_late_for_its_window_is_a_row_again_when_it_is_sent_again() {
    let manifest = |late: &str| {
        let more = format!(
            "output: {{subject: \"out.{{join}}.{{key}}\"}}\n\
             windows: {{w: {{of: bought, over: {{tumbling: 1s}}, by: {{}}, late: {late}, aggregate: {{n: count}}}}}}"
        );
        text(
            &more,
            "{bought: {left: clicks, right: orders, within: {after: 10s}, grace: 1h}}",
        )
    };
    let mut stage = Stage::of(&manifest("dead-letter"));
    send(&mut stage, "in.clicks", "ann", 1, "");
    send(&mut stage, "in.orders", "bob", 60, "");
    send(&mut stage, "in.orders", "ann", 2, "");
    stage.commit();
    let letter = stage.outputs.pop_front().unwrap();
    assert_eq!(letter.subject, "tr.shop.p.dead");
    assert!(stage.outputs.is_empty());
    stage.change_to(&manifest("drop"));
    stage.redrive(letter);
    stage.commit();
    let row = stage.outputs.pop_front().unwrap();
    assert_eq!(row.subject, "out.bought.ann");
    assert!(row.payload.starts_with(b"{\"join\":\"bought\""));
    assert!(stage.outputs.is_empty(), "it joins no more");
}

#[test]
fn a_join_that_is_declared_otherwise_or_no_longer_leaves_nothing_and_says_so() {
    let on = ", on: {left: /user, right: /user}";
    let none = text("output: {subject: out}", "{}");
    for (after, lost, told) in [
        (left(on), 1, 0),
        (none, 1, 0),
        (left(", grace: 1m"), 0, 1),
        (left("").replace("kind: left", "kind: inner"), 0, 0),
    ] {
        let mut stage = Stage::of(&left(""));
        send(&mut stage, "in.clicks", "ann", 1, "");
        stage.commit();
        stage.change_to(&after);
        stage.tick(600 * SECOND);
        stage.commit();
        assert_eq!(
            (stage.counts.joins_lost, stage.results().len()),
            (lost, told),
            "{after}"
        );
        stage.expire();
        assert!(stage.holds_nothing(&["~due", "~join.bought"]), "{after}");
    }
}

#[test]
fn a_join_that_is_declared_again_as_it_was_finds_no_event_from_before() {
    let none = text("output: {subject: out}", "{}");
    let mut stage = Stage::of(&left(""));
    send(&mut stage, "in.clicks", "ann", 1, "");
    stage.commit();
    stage.change_to(&none);
    send(&mut stage, "in.clicks", "ann", 2, "");
    stage.commit();
    // Without a join, events leave as they came.
    stage.outputs.clear();
    stage.change_to(&left(""));
    send(&mut stage, "in.orders", "ann", 3, "");
    stage.commit();
    assert!(stage.outputs.is_empty(), "{:?}", stage.outputs);
}

#[test]
fn what_is_no_json_is_a_dead_letter() {
    let keyed = left("").replace("key: {json: /user}, time: {json: /ts, unit: ms}, ", "");
    let mut stage = Stage::of(&keyed);
    for payload in ["", "nonsense", "{\"a\":1,\"a\":2}"] {
        stage.send_on("in.clicks", payload.to_owned());
    }
    stage.send_on("in.clicks", "7".to_owned());
    stage.commit();
    assert_eq!(stage.counts.outcomes.letters, 3);
    assert!(
        stage
            .outputs
            .iter()
            .all(|output| output.subject == "tr.shop.p.dead")
    );
}

#[test]
fn an_event_with_more_partners_than_a_batch_holds_is_a_dead_letter_and_tells_no_row() {
    let mut stage = Stage::of(&left(""));
    for _ in 0..950 {
        send(&mut stage, "in.clicks", "ann", 1, "");
    }
    send(&mut stage, "in.orders", "ann", 2, "");
    stage.commit();
    let subjects: Vec<_> = stage
        .outputs
        .iter()
        .map(|output| output.subject.as_str())
        .collect();
    assert_eq!(subjects, ["tr.shop.p.dead"]);
    let counts = &stage.counts;
    assert_eq!(
        (counts.joined, counts.outcomes.outputs, counts.outcomes.letters),
        (0, 0, 1)
    );
}

#[test]
fn a_storm_of_events_without_partners_is_told_in_batches_and_once_though_it_is_cut_off() {
    let mut stage = Stage::of(&left(""));
    for user in 0..10_000 {
        send(&mut stage, "in.clicks", &format!("u{user}"), 1, "");
    }
    stage.commit();
    send(&mut stage, "in.orders", "nobody", 60, "");
    stage.crash();
    let batches = stage.commit();
    assert!(batches >= 10, "{batches}");
    let mut keys: Vec<_> = stage.results().iter().map(|row| row["key"].to_string()).collect();
    assert_eq!(keys.len(), 10_000);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10_000);
}
