//! By seed: two inputs in disorder, ticks, commits and crashes; the rows are the model's, and where nothing is late,
//! those of two plain loops.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use super::model::{Model, Row, Rule};
use crate::{replaying::Seen, stage::Stage};

const SEEDS: u64 = 300;
/// How far an event may be behind the latest of its input.
const DELAY: u64 = 2_000;

fn manifest(rule: Rule, kind: &str) -> String {
    let Rule {
        before, after, grace, ..
    } = rule;
    format!(
        "name: p\n\
         input: {{key: {{json: /key}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: {DELAY}ms, lag: 1h}}}}\n\
         inputs: {{clicks: {{subjects: [in.clicks]}}, orders: {{subjects: [in.orders], key: {{json: /by}}}}}}\n\
         joins: {{j: {{left: clicks, right: orders, within: {{before: {before}ms, after: {after}ms}}, grace: {grace}ms, kind: {kind}}}}}\n\
         output: {{subject: \"out.{{join}}.{{key}}\"}}\n"
    )
}

fn row(result: &Value) -> Row {
    let number = |side: &str| result[side]["n"].as_u64();
    assert_eq!(result["join"], "j");
    (
        result["key"].as_str().unwrap().to_owned(),
        number("left"),
        number("right"),
    )
}

/// An event that was sent: of the left input or not, key, time, number.
type Sent = (bool, &'static str, u64, u64);

/// What two plain loops say, where nothing is late.
fn plain(rule: Rule, sent: &[Sent]) -> Vec<Row> {
    let mut rows = Vec::new();
    let partners = |one: &Sent| {
        let near = sent.iter().filter(|other| {
            let (left, right) = if one.0 { (one, *other) } else { (*other, one) };
            let is_near = right.2 + rule.before >= left.2 && right.2 <= left.2 + rule.after;
            other.0 != one.0 && other.1 == one.1 && is_near
        });
        near.copied().collect::<Vec<_>>()
    };
    for one in sent {
        let (is_left, key, _, number) = *one;
        let partners = partners(one);
        if is_left {
            let pair = |other: &Sent| (key.to_owned(), Some(number), Some(other.3));
            rows.extend(partners.iter().map(pair));
        }
        match is_left {
            true if partners.is_empty() && rule.left_alone => {
                rows.push((key.to_owned(), Some(number), None));
            }
            false if partners.is_empty() && rule.right_alone => {
                rows.push((key.to_owned(), None, Some(number)));
            }
            _ => {}
        }
    }
    rows
}

fn run(seed: u64, kind: &str, is_late: bool) {
    let random = &mut StdRng::seed_from_u64(seed);
    let rule = Rule {
        before: [0, 500, 3_000][random.random_range(0..3)],
        after: [0, 1_000, 5_000][random.random_range(0..3)],
        grace: [0, 700][random.random_range(0..2)],
        left_alone: kind != "inner",
        right_alone: kind == "full",
    };
    let mut stage = Stage::of(&manifest(rule, kind));
    let mut model = Model::new(rule);
    let (mut now, mut sent) = (10_000_u64, Vec::new());
    for number in 0..random.random_range(20..150) {
        match random.random_range(0..20) {
            0 => {
                stage.commit();
            }
            1 => stage.crash(),
            2 if is_late => {
                stage.commit();
                now += random.random_range(0..3_000);
                let at = stage.watermark_ms().max(now);
                stage.tick(at);
                stage.commit();
                stage.crash();
                model.tick(stage.recorded_ms());
            }
            _ => {
                now += random.random_range(0..600);
                let behind = if is_late { 2 * DELAY } else { DELAY };
                let time = now - random.random_range(0..behind);
                let key = ["a", "b", "c\u{e4}\u{0}l"][random.random_range(0..3)];
                let is_left = random.random_bool(0.5);
                let (subject, member) = if is_left {
                    ("in.clicks", "key")
                } else {
                    ("in.orders", "by")
                };
                let payload = serde_json::json!({ member: key, "ts": time, "n": number });
                stage.send_on(subject, payload.to_string());
                model.take(is_left, key, time, number, stage.watermark_ms());
                sent.push((is_left, key, time, number));
            }
        }
    }
    stage.commit();
    stage.tick(now + 1_000_000);
    stage.commit();
    model.tick(now + 1_000_000);
    let mut found: Vec<Row> = stage.results().iter().map(row).collect();
    found.sort();
    if !is_late {
        let mut expected = plain(rule, &sent);
        expected.sort();
        assert_eq!(found, expected, "seed {seed} {kind} {rule:?}");
    }
    let mut expected = std::mem::take(&mut model.told);
    expected.sort();
    assert_eq!(found, expected, "seed {seed} {kind} {rule:?}");
    let pairs = found
        .iter()
        .filter(|(_, left, right)| left.is_some() && right.is_some());
    let pairs = pairs.count() as u64;
    let counts = &stage.counts;
    assert_eq!(
        (counts.joined, counts.unmatched),
        (pairs, found.len() as u64 - pairs)
    );
    assert_eq!(counts.outcomes.outputs, found.len() as u64);
    assert_eq!(counts.joins_lost, 0);
    stage.expire();
    assert!(
        stage.holds_nothing(&["~due", "~join.j"]),
        "seed {seed} leaves something behind"
    );
    stage.assert_replays(&mut Seen::default());
}

#[test]
fn rows_are_those_of_two_plain_loops_where_nothing_is_late() {
    for kind in ["inner", "left", "full"] {
        (0..SEEDS).for_each(|seed| run(seed, kind, false));
    }
}

#[test]
fn rows_are_the_models_where_much_is_late() {
    for kind in ["inner", "left", "full"] {
        (0..SEEDS).for_each(|seed| run(seed, kind, true));
    }
}
