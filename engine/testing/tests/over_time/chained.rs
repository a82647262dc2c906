//! A pipeline of four partitions reads the stream of another one of four, whose partitions commit at different paces. By
//! what its messages carry nothing is late that was not late before, windows are whole, and a replay is the same.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use crate::{replaying::Seen, stage::Stage};

const SEEDS: u64 = 12;
const PARTITIONS: u32 = 4;
/// How far out of order events are, which the first pipeline waits for.
const DISORDER_MS: u64 = 2_000;
/// The length of a window of the first pipeline, and of the second.
const LENGTHS_MS: [u64; 2] = [1_000, 5_000];

/// What the first pipeline publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publishes {
    Events,
    Results,
}

/// Key and end of a window, and how many events it has.
type Counts = BTreeMap<(String, u64), u64>;

fn first(publishes: Publishes) -> String {
    let windows = match publishes {
        Publishes::Events => "",
        Publishes::Results => "windows: {w: {over: {tumbling: 1s}, aggregate: {n: count}}}\n",
    };
    format!(
        "name: p\npartitions: {PARTITIONS}\ninput: {{subjects: [in], key: {{json: /key}}, time: {{json: /ts, unit: ms}}, \
         watermark: {{delay: {DISORDER_MS}ms}}}}\noutput: {{subject: \"mid.{{key}}\"}}\n{windows}"
    )
}

fn second(publishes: Publishes, upstream: &str) -> String {
    let (time, n) = match publishes {
        Publishes::Events => ("{json: /ts, unit: ms}", "count"),
        Publishes::Results => ("{json: /end}", "{sum: {json: /n}}"),
    };
    format!(
        "name: p\npartitions: {PARTITIONS}\ninput: {{stream: TR_shop_first, subjects: [mid.*], key: {{json: /key}}, time: {time}, \
         watermark: {{delay: 0s, lag: 1h, upstream: {upstream}}}}}\noutput: {{subject: \"out.{{window}}.{{key}}\"}}\n\
         windows: {{w: {{over: {{tumbling: 5s}}, aggregate: {{n: {n}}}}}}}\n"
    )
}

/// Two pipelines, one behind the other.
struct Chain {
    first: Vec<Stage>,
    second: Vec<Stage>,
    results: Vec<Value>,
}

impl Chain {
    fn set(publishes: Publishes, upstream: &str) -> Self {
        let stages = |manifest: String| {
            let share = |number| Stage::share_of(&manifest, || panic!("no steps"), (number, PARTITIONS));
            (0..PARTITIONS).map(share).collect()
        };
        Self {
            first: stages(first(publishes)),
            second: stages(second(publishes, upstream)),
            results: Vec::new(),
        }
    }

    /// A partition of the first pipeline commits, and the second reads what it has published.
    fn commit_first(&mut self, partition: usize) {
        self.first[partition].commit();
        while let Some(output) = self.first[partition].outputs.pop_front() {
            let payload = String::from_utf8(output.payload.to_vec()).unwrap();
            for stage in &mut self.second {
                stage.send_message(&output.subject, output.headers.clone(), payload.clone());
            }
        }
    }

    fn commit_second(&mut self, partition: usize) {
        self.second[partition].commit();
        self.results.extend(self.second[partition].results());
    }

    /// The input of the first ends, then that of the second.
    fn end(&mut self) {
        for partition in 0..PARTITIONS as usize {
            let stage = &mut self.first[partition];
            stage.commit();
            stage.tick(stage.watermark_ms() + 60_000);
            self.commit_first(partition);
        }
        for partition in 0..PARTITIONS as usize {
            self.commit_second(partition);
            let stage = &mut self.second[partition];
            stage.tick(stage.watermark_ms() + 600_000);
            self.commit_second(partition);
        }
    }

    fn late(&self) -> (u64, u64) {
        let sum = |stages: &[Stage], of: fn(&Stage) -> u64| stages.iter().map(of).sum();
        let late = |stage: &Stage| stage.counts.late + stage.counts.window_late;
        (sum(&self.first, late), sum(&self.second, late))
    }

    fn told(&self) -> Counts {
        let mut told = Counts::new();
        for result in &self.results {
            let end = tailrace_time::rfc3339_ms(result["end"].as_str().unwrap()).unwrap();
            let place = (
                result["key"].as_str().unwrap().to_owned(),
                u64::try_from(end).unwrap(),
            );
            let before = told.insert(place, result["n"].as_u64().unwrap());
            assert_eq!(before, None, "a result twice: {result}");
        }
        told
    }
}

/// Runs a seed; gives how many events were late in the second pipeline, and whether its windows are whole.
fn run(seed: u64, publishes: Publishes, upstream: &str) -> (u64, bool) {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut chain = Chain::set(publishes, upstream);
    let mut expected = Counts::new();
    let slow = random.random_range(0..PARTITIONS as usize);
    let mut now = 1_000_000;
    for _ in 0..400 {
        now += random.random_range(0..200);
        let time = now - random.random_range(0..=DISORDER_MS);
        let key = format!("k{}", random.random_range(0..12));
        let counted = match publishes {
            Publishes::Events => time,
            Publishes::Results => time - time % LENGTHS_MS[0] + LENGTHS_MS[0],
        };
        let end = counted - counted % LENGTHS_MS[1] + LENGTHS_MS[1];
        *expected.entry((key.clone(), end)).or_default() += 1;
        for stage in &mut chain.first {
            stage.send(&key, time, "");
        }
        let partition = random.random_range(0..PARTITIONS as usize);
        match random.random_range(0..12) {
            0 => chain.first[partition].crash(),
            1 => chain.second[partition].crash(),
            2 | 3 => chain.commit_second(partition),
            // One of them is far behind the others.
            4..8 if partition != slow || random.random_bool(0.05) => chain.commit_first(partition),
            _ => {}
        }
    }
    chain.end();
    let (late_before, late) = chain.late();
    assert_eq!(late_before, 0, "the first pipeline waits for all");
    if upstream == "bound" {
        let (first, second) = (&chain.first, &chain.second);
        for stage in first.iter().chain(second) {
            stage.assert_replays(&mut Seen::default());
        }
    }
    (late, chain.told() == expected)
}

#[test]
fn behind_partitions_that_commit_at_different_paces_no_event_is_late_and_every_window_is_whole() {
    for seed in 0..SEEDS {
        for publishes in [Publishes::Events, Publishes::Results] {
            assert_eq!(
                run(seed, publishes, "bound"),
                (0, true),
                "{publishes:?}, seed {seed}"
            );
        }
    }
}

#[test]
fn without_the_bound_what_the_slower_partitions_publish_is_late() {
    for publishes in [Publishes::Events, Publishes::Results] {
        let runs: Vec<_> = (0..5).map(|seed| run(seed, publishes, "ignore")).collect();
        assert!(runs.iter().all(|(late, _)| *late > 0), "{publishes:?}: {runs:?}");
        assert!(
            runs.iter().all(|(_, is_whole)| !is_whole),
            "{publishes:?}: {runs:?}"
        );
    }
}
