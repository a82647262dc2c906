//! What `nearest` costs: the ten nearest of 64 dimensions by inner product, exact and indexed, against
//! a plain scan over one flat `Vec<f32>`. `cargo bench -p tailrace-store --bench nearest` takes a
//! thousand to a million vectors, `-- 200000` the sizes that are named, `-- --rows FILE` writes the
//! figures for `bench` to collect.
//!
//! An index grows by being searched. Here it grows by steps, with a search between two; of a million
//! vectors that takes some 25 minutes.
//!
//! Times are medians over rounds in which the three take turns, so that a busy machine is
//! busy for all. Memory is what the process grew by, so it has the allocator's share in it.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../../../tests/bench/rows.rs"]
mod rows;
#[path = "../src/collection/tests/samples.rs"]
mod samples;

use std::{
    env, fmt, fs,
    hint::black_box,
    io::{self, Write as _},
    process::ExitCode,
    slice,
    time::{Duration, Instant},
};

use rows::{Row, Rows};
use samples::Samples;
use tailrace_core::{
    ports::store::Collection as _,
    vectors::{Metric, Search},
};
use tailrace_store::{INDEX_ABOVE, VectorCollection};

/// How many vectors, where nothing else is asked for.
const ALL: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Those with `--quick`: too few for an index.
const QUICK: [usize; 3] = [1_000, 10_000, 100_000];
const DIMENSIONS: usize = 64;
const K: usize = 10;
const QUERIES: usize = 100;
const ROUNDS: usize = 9;
/// Members of a cluster: many more than are asked for.
const CLUSTER: usize = 500;

type Vectors = Vec<Vec<f32>>;

fn main() -> ExitCode {
    let Err(cause) = run() else {
        return ExitCode::SUCCESS;
    };
    drop(writeln!(io::stderr(), "nearest: {cause}"));
    ExitCode::FAILURE
}

fn run() -> io::Result<()> {
    let mut rows = Rows::of_arguments()?;
    let count = |argument: String| {
        let unknown = |_| io::Error::other(format!("{argument} is no number of vectors, as 200000 is"));
        argument.parse().map_err(unknown)
    };
    let mut counts: Vec<usize> = Rows::other_arguments().map(count).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        let is_quick = env::args().any(|argument| argument == "--quick");
        let default: &[usize] = if is_quick { &QUICK } else { &ALL };
        counts.extend(default);
    }
    say(
        "| vectors | plain scan | exact | ratio | indexed | recall@10 | bytes a vector, exact | indexed | a search while it grows | slowest | an insertion |",
    )?;
    say("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    counts.into_iter().try_for_each(|count| measure(count, &mut rows))
}

fn measure(count: usize, rows: &mut Rows) -> io::Result<()> {
    let mut samples = Samples::new(1, DIMENSIONS, count.div_ceil(CLUSTER), 0.5);
    let flat: Vec<f32> = (0..count).flat_map(|_| samples.vector()).collect();
    let queries: Vectors = (0..QUERIES).map(|_| samples.vector()).collect();
    let (exact, exact_bytes) = weighed(|| load(&flat, Search::Exact));
    let ((indexed, growth), indexed_bytes) = weighed(|| {
        let indexed = load(&flat, Search::Auto);
        let growth = (count > INDEX_ABOVE).then(|| grow(&indexed, &queries));
        (indexed, growth)
    });

    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(micros(&queries, |query| plain_scan(&flat, query).len()));
        times[1].push(micros(&queries, |query| exact.nearest(query, K).len()));
        times[2].push(micros(&queries, |query| indexed.nearest(query, K).len()));
    }
    let recall = recall(&exact, &indexed, &queries);
    let bytes = [exact_bytes / count, indexed_bytes / count];
    write(
        rows,
        count,
        &times,
        growth.as_ref().map(|growth| (growth, recall)),
        bytes,
    )?;
    let [plain, ours, graph] = times.map(median);
    let growth = growth.map_or("- | - | -".to_owned(), |growth| growth.to_string());
    say(&format!(
        "| {count} | {plain:.0} µs | {ours:.0} µs | {:.2} | {graph:.0} µs | {recall:.3} | {} | {} | {growth} |",
        ours / plain,
        bytes[0],
        bytes[1],
    ))
}

/// The three as rows, two against the plain scan, and what the index finds.
fn write(
    rows: &mut Rows,
    count: usize,
    times: &[Vec<f64>; 3],
    index: Option<(&Growth, f64)>,
    bytes: [usize; 2],
) -> io::Result<()> {
    let named = |what: &str| format!("{count} vectors, {what}");
    let [plain, exact, indexed] = ["plain scan", "exact", "indexed"].map(named);
    let each = |bytes: usize| [("bytes a vector", bytes as f64, "")];
    rows.write(&timed(&plain, &times[0]))?;
    rows.write(&Row {
        against: Some(&plain),
        budget: (count == 10_000).then_some("{\"ratio-at-most\":1.5}"),
        also: &each(bytes[0]),
        ..timed(&exact, &times[1])
    })?;
    let Some((growth, recall)) = index else {
        return Ok(());
    };
    rows.write(&Row {
        against: Some(&plain),
        also: &each(bytes[1]),
        ..timed(&indexed, &times[2])
    })?;
    rows.write(&Row {
        unit: "%",
        budget: Some("{\"at-least\":95}"),
        ..timed(&named("recall@10 of the index"), &[recall * 100.0])
    })?;
    rows.write(&Row {
        against: Some(&plain),
        ..timed(&named("searched while the index grows"), &growth.searches)
    })?;
    let insertions = named("put into the index, each");
    rows.write(&timed(&insertions, &[growth.insertion]))
}

fn timed<'a>(what: &'a str, rounds: &'a [f64]) -> Row<'a> {
    Row {
        what,
        unit: "µs",
        rounds,
        against: None,
        budget: None,
        also: &[],
    }
}

fn load(flat: &[f32], search: Search) -> VectorCollection {
    let mut collection = VectorCollection::new(DIMENSIONS, Metric::Dot, search);
    for (index, vector) in flat.chunks_exact(DIMENSIONS).enumerate() {
        collection.replace(&format!("item-{index}"), Some(vector));
    }
    collection
}

/// How an index came about, in microseconds.
struct Growth {
    /// Searches, evenly spread over it.
    searches: Vec<f64>,
    /// What it took besides, for each vector.
    insertion: f64,
}

impl fmt::Display for Growth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slowest = self.searches.iter().copied().fold(0.0, f64::max);
        let median = median(self.searches.clone());
        write!(out, "{median:.0} µs | {slowest:.0} µs | {:.0} µs", self.insertion)
    }
}

fn grow(collection: &VectorCollection, queries: &Vectors) -> Growth {
    let (mut searches, mut growing) = (Vec::new(), Duration::ZERO);
    for query in queries {
        searches.push(micros(slice::from_ref(query), |query| {
            collection.nearest(query, K).len()
        }));
        let begun = Instant::now();
        collection.take_in(collection.len().div_ceil(QUERIES));
        growing += begun.elapsed();
    }
    let insertion = growing.as_secs_f64() * 1e6 / collection.len() as f64;
    Growth { searches, insertion }
}

/// What one would write by hand: sixteen sums, and the best so far in order.
fn plain_scan(flat: &[f32], query: &[f32]) -> Vec<(f32, usize)> {
    let mut best: Vec<(f32, usize)> = Vec::with_capacity(K + 1);
    for (index, row) in flat.chunks_exact(DIMENSIONS).enumerate() {
        let mut sums = [0.0_f32; 16];
        for (a, b) in row.as_chunks::<16>().0.iter().zip(query.as_chunks::<16>().0) {
            for lane in 0..16 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        let score = sums.iter().sum::<f32>();
        if best.len() < K || score > best[K - 1].0 {
            let at = best.partition_point(|(other, _)| *other >= score);
            best.insert(at, (score, index));
            best.truncate(K);
        }
    }
    best
}

/// What each of these queries takes.
fn micros(queries: &[Vec<f32>], search: impl Fn(&[f32]) -> usize) -> f64 {
    let begun = Instant::now();
    for query in queries {
        black_box(search(black_box(query)));
    }
    begun.elapsed().as_secs_f64() * 1e6 / queries.len() as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn recall(exact: &VectorCollection, indexed: &VectorCollection, queries: &Vectors) -> f64 {
    let found = |query: &Vec<f32>| {
        let hits = indexed.nearest(query, K);
        let truth = exact.nearest(query, K);
        truth.iter().filter(|hit| hits.contains(hit)).count()
    };
    queries.iter().map(found).sum::<usize>() as f64 / (K * QUERIES) as f64
}

/// With the bytes that the process grew by; 0 where the system does not tell.
fn weighed<T>(build: impl FnOnce() -> T) -> (T, usize) {
    let before = resident_bytes();
    let built = build();
    (built, resident_bytes().saturating_sub(before))
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
