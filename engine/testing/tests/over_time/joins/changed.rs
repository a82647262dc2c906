//! A join waits otherwise than before: what it keeps waits by the rules in force, and no row is lost in silence.

use crate::{replaying::Seen, stage::Stage};

const SECOND: u64 = 1_000;

fn join(rules: &str) -> String {
    format!(
        "name: p\n\
         input: {{key: {{json: /user}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s, lag: 0s}}}}\n\
         inputs: {{clicks: {{subjects: [in.clicks]}}, orders: {{subjects: [in.orders]}}}}\n\
         output: {{subject: \"out.{{join}}.{{key}}\"}}\n\
         joins: {{bought: {{left: clicks, right: orders, {rules}}}}}\n"
    )
}

fn send(stage: &mut Stage, subject: &'static str, user: &str, seconds: u64) {
    let ts = seconds * SECOND;
    stage.send_on(subject, format!("{{\"user\":\"{user}\",\"ts\":{ts}}}"));
}

/// The rows so far: whose they are, and whether they have a left and a right side.
fn rows(stage: &mut Stage) -> Vec<(String, bool, bool)> {
    let rows = stage.results();
    let shown = rows.iter().map(|row| {
        let user = row["key"].as_str().unwrap().to_owned();
        (user, !row["left"].is_null(), !row["right"].is_null())
    });
    shown.collect()
}

fn row(user: &str, left: bool, right: bool) -> (String, bool, bool) {
    (user.to_owned(), left, right)
}

fn end(stage: &mut Stage) {
    stage.tick(10_000 * SECOND);
    stage.commit();
    stage.expire();
    assert!(stage.holds_nothing(&["~due", "~join.bought"]));
    stage.assert_replays(&mut Seen::default());
}

#[test]
fn what_is_kept_is_kept_for_longer_where_the_join_waits_for_longer() {
    for (kind, alone) in [("inner", vec![]), ("left", vec![row("bob", true, false)])] {
        let mut stage = Stage::of(&join(&format!("within: {{after: 10s}}, kind: {kind}")));
        send(&mut stage, "in.clicks", "ann", 1);
        send(&mut stage, "in.clicks", "bob", 1);
        stage.commit();
        stage.change_to(&join(&format!("within: {{after: 20s}}, kind: {kind}")));
        send(&mut stage, "in.orders", "zoe", 15);
        send(&mut stage, "in.orders", "ann", 16);
        stage.commit();
        assert_eq!(rows(&mut stage), [row("ann", true, true)], "{kind}");
        end(&mut stage);
        assert_eq!(rows(&mut stage), alone, "{kind}");
        assert_eq!(stage.counts.joins_lost, 0);
    }
}

#[test]
fn what_is_kept_is_told_at_once_where_its_wait_is_over_by_the_rules_in_force() {
    let mut stage = Stage::of(&join("within: {after: 100s}, kind: left"));
    for user in 0..700 {
        send(&mut stage, "in.clicks", &format!("u{user}"), 1);
    }
    send(&mut stage, "in.orders", "zoe", 50);
    stage.commit();
    stage.change_to(&join("within: {after: 10s}, kind: left"));
    send(&mut stage, "in.orders", "u1", 50);
    stage.commit();
    let told = rows(&mut stage);
    assert_eq!(told.len(), 700);
    assert!(told.iter().all(|(_, left, right)| *left && !right));
    end(&mut stage);
    assert_eq!((rows(&mut stage).len(), stage.counts.joins_lost), (0, 0));
}

#[test]
fn what_may_have_had_a_partner_unnoted_is_not_told_alone_and_is_counted() {
    let mut stage = Stage::of(&join("within: {after: 10s}"));
    for user in ["ann", "bob", "cid"] {
        send(&mut stage, "in.clicks", user, 1);
    }
    send(&mut stage, "in.orders", "ann", 2);
    stage.commit();
    assert_eq!(rows(&mut stage), [row("ann", true, true)]);
    stage.change_to(&join("within: {after: 10s}, kind: left"));
    send(&mut stage, "in.clicks", "dan", 3);
    send(&mut stage, "in.orders", "cid", 4);
    stage.commit();
    assert_eq!(rows(&mut stage), [row("cid", true, true)]);
    end(&mut stage);
    assert_eq!(rows(&mut stage), [row("dan", true, false)]);
    // Bob's row is lost, and Ann's may have been.
    assert_eq!(stage.counts.joins_lost, 2);
}

#[test]
fn what_was_told_alone_is_not_where_the_join_does_so_no_longer() {
    let mut stage = Stage::of(&join("within: {after: 10s}, kind: full"));
    send(&mut stage, "in.clicks", "ann", 1);
    send(&mut stage, "in.orders", "bob", 1);
    stage.commit();
    stage.change_to(&join("within: {after: 10s}, kind: inner"));
    send(&mut stage, "in.orders", "ann", 5);
    stage.commit();
    // And back again.
    stage.change_to(&join("within: {after: 10s}, kind: full"));
    end(&mut stage);
    assert_eq!(
        rows(&mut stage),
        [row("ann", true, true)],
        "Bob's order was kept until 1 s"
    );
}
