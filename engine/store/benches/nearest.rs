//! What `nearest` costs: the ten nearest of 64 dimensions by inner product, exact and indexed, against
//! a plain scan over one flat `Vec<f32>`. `cargo bench -p tailrace-store --bench nearest` takes up to
//! 100,000 vectors, where a search is always exact, and a million exactly; `-- 200000 1000000` takes the
//! sizes that are named, with an index, `-- --rows FILE` writes the figures for `bench` to collect.
//! An index grows by being searched, so that takes minutes, and an hour for a million.
//!
//! Times are medians over rounds in which the three take turns, so that a busy machine is
//! busy for all. Memory is what the process grew by, so it has the allocator's share in it.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../../../tests/bench/rows.rs"]
mod rows;
#[path = "../src/collection/tests/samples.rs"]
mod samples;

use std::{
    fs,
    hint::black_box,
    io::{self, Write as _},
    time::Instant,
};

use rows::{Row, Rows};
use samples::Samples;
use tailrace_core::ports::store::{Collection as _, Metric, Search};
use tailrace_store::{INDEX_ABOVE, VectorCollection};

const DIMENSIONS: usize = 64;
const K: usize = 10;
const QUERIES: usize = 100;
const ROUNDS: usize = 9;
/// Members of a cluster: many more than are asked for.
const CLUSTER: usize = 500;

type Vectors = Vec<Vec<f32>>;

fn main() -> io::Result<()> {
    let mut rows = Rows::of_arguments()?;
    let named: Vec<usize> = Rows::other_arguments()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    say(
        "| vectors | plain scan | exact | ratio | indexed | recall@10 | bytes a vector, exact | indexed | growing: searches | mean | slowest |",
    )?;
    say("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    if !named.is_empty() {
        let mut sizes = named.into_iter();
        return sizes.try_for_each(|count| measure(count, Search::Auto, &mut rows));
    }
    for count in [1_000, 10_000, 100_000] {
        measure(count, Search::Auto, &mut rows)?;
    }
    measure(1_000_000, Search::Exact, &mut rows)
}

/// With `Exact` what stands as indexed is exact too, and left out.
fn measure(count: usize, search: Search, rows: &mut Rows) -> io::Result<()> {
    let is_indexed = search == Search::Auto && count > INDEX_ABOVE;
    let mut samples = Samples::new(1, DIMENSIONS, count.div_ceil(CLUSTER), 0.5);
    let flat: Vec<f32> = (0..count).flat_map(|_| samples.vector()).collect();
    let queries: Vectors = (0..QUERIES).map(|_| samples.vector()).collect();
    let (exact, exact_bytes) = weighed(|| load(&flat, Search::Exact));
    let ((indexed, growth), indexed_bytes) = weighed(|| {
        let indexed = load(&flat, search);
        let growth = is_indexed.then(|| grow(&indexed, &queries));
        (indexed, growth.unwrap_or_else(|| "- | - | -".to_owned()))
    });

    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(micros(&queries, |query| plain_scan(&flat, query).len()));
        times[1].push(micros(&queries, |query| exact.nearest(query, K).len()));
        times[2].push(micros(&queries, |query| indexed.nearest(query, K).len()));
    }
    let recall = recall(&exact, &indexed, &queries);
    let bytes = [exact_bytes / count, indexed_bytes / count];
    write(rows, count, &times, is_indexed.then_some(recall), bytes)?;
    let [plain, ours, graph] = times.map(median);
    say(&format!(
        "| {count} | {plain:.0} µs | {ours:.0} µs | {:.2} | {graph:.0} µs | {recall:.3} | {} | {} | {growth} |",
        ours / plain,
        bytes[0],
        bytes[1],
    ))
}

/// The three as rows, two against the plain scan.
fn write(
    rows: &mut Rows,
    count: usize,
    times: &[Vec<f64>; 3],
    recall: Option<f64>,
    bytes: [usize; 2],
) -> io::Result<()> {
    let plain = format!("{count} vectors, plain scan");
    let row = |what: &str, rounds, against, budget, also: &[(&str, f64, &str)]| {
        let row = Row {
            what,
            unit: "µs",
            rounds,
            against,
            budget,
            also,
        };
        rows.write(&row)
    };
    let mut row = row;
    row(&plain, &times[0], None, None, &[])?;
    let budget = (count == 10_000).then_some("{\"ratio-at-most\":1.5}");
    let each = |bytes: usize| ("bytes a vector", bytes as f64, "");
    row(
        &format!("{count} vectors, exact"),
        &times[1],
        Some(&plain),
        budget,
        &[each(bytes[0])],
    )?;
    let Some(recall) = recall else {
        return Ok(());
    };
    let also = [("recall@10", recall, ""), each(bytes[1])];
    row(
        &format!("{count} vectors, indexed"),
        &times[2],
        Some(&plain),
        None,
        &also,
    )
}

fn load(flat: &[f32], search: Search) -> VectorCollection {
    let mut collection = VectorCollection::new(DIMENSIONS, Metric::Dot, search);
    for (index, vector) in flat.chunks_exact(DIMENSIONS).enumerate() {
        collection.replace(&format!("item-{index}"), Some(vector));
    }
    collection
}

/// Searches until the index has taken in what it will; tells how many, and what they cost.
fn grow(collection: &VectorCollection, queries: &Vectors) -> String {
    let (mut tail, mut searches, mut slowest) = (collection.len(), 0_u32, 0.0_f64);
    let begun = Instant::now();
    // The rule of growth, and a little more for what was refused at first.
    while tail > INDEX_ABOVE / 20 {
        let query = &queries[searches as usize % QUERIES];
        let search = Instant::now();
        black_box(collection.nearest(query, K));
        slowest = slowest.max(search.elapsed().as_secs_f64());
        searches += 1;
        tail -= tail.div_ceil(INDEX_ABOVE / 2);
    }
    let mean = begun.elapsed().as_secs_f64() / f64::from(searches);
    format!("{searches} | {:.2} ms | {:.1} ms", mean * 1e3, slowest * 1e3)
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

fn micros(queries: &Vectors, search: impl Fn(&[f32]) -> usize) -> f64 {
    let begun = Instant::now();
    for query in queries {
        black_box(search(black_box(query)));
    }
    begun.elapsed().as_secs_f64() * 1e6 / QUERIES as f64
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
