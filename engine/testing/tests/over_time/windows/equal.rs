//! By seed: events in disorder, ticks, commits and crashes; the results are the model's.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use super::model::{Kind, Model, Told};
use crate::{replaying::Seen, stage::Stage};

const SEEDS: u64 = 300;

fn told(result: &Value) -> Told {
    let ms = |name: &str| {
        let text = result[name].as_str().unwrap();
        u64::try_from(tailrace_time::rfc3339_ms(text).unwrap()).unwrap()
    };
    (
        result["key"].as_str().unwrap().to_owned(),
        ms("start"),
        ms("end"),
        result["n"].as_u64().unwrap(),
        result["sum"].as_i64().unwrap(),
    )
}

/// Runs a seed; the sessions of a run are such that no order of joining them matters.
fn run(seed: u64, kind: Kind, over: &str) {
    let random = &mut StdRng::seed_from_u64(seed);
    let grace = [0, 0, 700, 5_000][random.random_range(0..4)];
    let windows = format!(
        "{{w: {{over: {over}, aggregate: {{n: count, sum: {{sum: {{json: /v}}}}}}, grace: {grace}ms}}}}"
    );
    let mut stage = Stage::set(&windows, "");
    let mut model = Model::new(kind, grace);
    let mut now = 1_000_u64;
    for _ in 0..random.random_range(20..150) {
        match random.random_range(0..20) {
            0 => {
                stage.commit();
            }
            1 => stage.crash(),
            2 => {
                // A tick comes to an input of which all was read. It is recorded where it has an effect.
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
                let time = now.saturating_sub(random.random_range(0..10) * random.random_range(0..400));
                let key = ["a", "b", "c\u{e4}"][random.random_range(0..3)];
                let value = random.random_range(-50..50);
                stage.send(key, time, &format!(",\"v\":{value}"));
                model.take(key, time, value);
            }
        }
    }
    stage.commit();
    stage.tick(now + 1_000_000);
    stage.commit();
    model.tick(now + 1_000_000);
    let mut found: Vec<_> = stage.results().iter().map(told).collect();
    let mut expected = std::mem::take(&mut model.told);
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "seed {seed} {over} grace {grace}");
    assert_eq!(stage.counts.window_late, model.late, "seed {seed}");
    assert_eq!(stage.counts.window_results, found.len() as u64);
    assert_eq!(stage.counts.windows_lost, 0);
    assert!(stage.is_empty("w"), "seed {seed} leaves something behind");
    stage.assert_replays(&mut Seen::default());
}

#[test]
fn tumbling_windows_are_the_models() {
    (0..SEEDS).for_each(|seed| run(seed, Kind::Fixed(1_000, 1_000), "{tumbling: 1s}"));
}

#[test]
fn hopping_windows_are_the_models() {
    (0..SEEDS).for_each(|seed| run(seed, Kind::Fixed(3_000, 500), "{hopping: 3s, every: 500ms}"));
}

#[test]
fn sessions_are_the_models() {
    let most = 24 * 3_600_000;
    (0..SEEDS).for_each(|seed| run(seed, Kind::Session(400, most), "{session: 400ms}"));
}
