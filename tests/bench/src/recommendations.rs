//! The demonstration's pipeline under load: three plugins, vectors, sketches, and a list a user that is
//! asked for while it changes.
//!
//! The ratings come from a seeded generator of this file, so that everyone measures the same: users and
//! films, few of both much busier than the others.

use std::time::{Duration, Instant};

use tailrace_tests::engine::TENANT;

use crate::{
    jetstream::committed,
    latency::{Queried, Queries, queries_row},
    options::Options,
    process::{cpu_seconds, resident_mib},
    report::{Row, Section},
    stage::Stage,
};

const ABOUT: &str = "`examples/recommendations`: validator, embedding-updater and ranker in one partition, 400 users, 1,500 films. \
First all ratings as fast as they go, of which the second half is timed, then at half of that rate; meanwhile 100 recommendation lists a second are asked for by \
HTTP at their intended times.";

/// The pipeline, as it is committed.
const PIPELINE: &str = include_str!("../../../examples/recommendations/pipeline.yaml");
const PLUGINS: [(&str, &str); 3] = [
    ("validator", "validator"),
    ("embedding-updater", "embedding_updater"),
    ("ranker", "ranker"),
];
const USERS: u64 = 400;
/// The busiest, whose lists are asked for.
const BUSY_USERS: u64 = 20;
const FILMS: u64 = 1_500;
const QUERIES_A_SECOND: f64 = 100.0;
/// Longest that a round may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// What a round came to.
struct Round {
    rate: f64,
    worker_cpu_us: f64,
    resident_mib: f64,
    at_full: Queried,
    at_half: Queried,
}

/// Measures it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut rounds = Vec::new();
    for number in 0..options.rounds() {
        println!("recommendations, round {} of {}", number + 1, options.rounds());
        rounds.push(round(options).await?);
    }
    let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    let mut section = Section::new("Recommendations", ABOUT);
    section.push(
        Row::new(
            "ratings through three plugins",
            "events/s",
            of(|round| round.rate),
        )
        .also("CPU of an event: worker", &of(|round| round.worker_cpu_us), "µs")
        .also("worker resident", &of(|round| round.resident_mib), "MiB"),
    );
    let full: Vec<_> = rounds.iter().map(|round| &round.at_full).collect();
    let half: Vec<_> = rounds.iter().map(|round| &round.at_half).collect();
    queries_row(
        "query of a list at the highest rate: p99",
        &full,
        None,
        &mut section,
    );
    queries_row("query of a list at half of it: p99", &half, None, &mut section);
    Ok(vec![section])
}

async fn round(options: &Options) -> anyhow::Result<Round> {
    let stage = Stage::set().await?;
    stage.engine.tenant(TENANT, &["shop.>"]).await?;
    for (plugin, file) in PLUGINS {
        stage.engine.upload(plugin, file).await?;
    }
    stage.cluster.stream("SHOP", &["shop.events.>"]).await?;
    let events = options.events() / 10;
    publish(&stage, 0, events).await?;
    stage.engine.apply("recommendations", PIPELINE).await?;
    let pid = stage.engine.pid();
    // By then every user who is asked for has a list.
    let first = reach(&stage, events / 2).await?;
    let (began, cpu) = (Instant::now(), cpu_seconds(pid)?);
    let queries = ask(&stage)?;
    let last = reach(&stage, events).await?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds(pid)? - cpu);
    let at_full = queries.end()?;
    let rate = (last - first) as f64 / took;
    let at_half = half(&stage, events, rate / 2.0, Duration::from_secs(options.seconds())).await?;
    Ok(Round {
        rate,
        worker_cpu_us: cpu / (last - first) as f64 * 1e6,
        resident_mib: resident_mib(pid)?,
        at_full,
        at_half,
    })
}

/// Queries while ratings come at a rate, a few every ten milliseconds.
async fn half(stage: &Stage, from: u64, rate: f64, time: Duration) -> anyhow::Result<Queried> {
    let queries = ask(stage)?;
    let (began, mut sent) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        let due = (began.elapsed().as_secs_f64() * rate) as u64;
        publish(stage, from + sent, from + due).await?;
        sent = due;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let at_half = queries.end()?;
    reach(stage, from + sent).await?;
    Ok(at_half)
}

/// Asks for the lists of the busy users, in turn.
fn ask(stage: &Stage) -> anyhow::Result<Queries> {
    let keys = (0..BUSY_USERS).map(|user| format!("list%2F{user}")).collect();
    Queries::start(&stage.engine, "recommendations", "rank", keys, QUERIES_A_SECOND)
}

async fn publish(stage: &Stage, from: u64, to: u64) -> anyhow::Result<()> {
    let ratings = (from..to).map(rating);
    stage.cluster.publish("shop.events.rating", ratings).await
}

/// A rating: of two even draws the lower, so that low numbers are busy.
fn rating(number: u64) -> Vec<u8> {
    let draw = |salt: u64, below: u64| {
        let once = |salt: u64| mixed(number.wrapping_mul(4).wrapping_add(salt)) % below;
        once(salt).min(once(salt + 1))
    };
    let (user, film) = (draw(0, USERS), draw(2, FILMS));
    // What fits is rated high: users and films of the same third.
    let stars = if user % 3 == film % 3 { 4.5 } else { 2.5 };
    let ts = 1_767_225_600_000 + number * 60_000;
    format!(r#"{{"user":"{user}","item":"{film}","title":"Film {film}","rating":{stars:.1},"ts":{ts}}}"#)
        .into_bytes()
}

/// SplitMix64 (Steele, Lea, Flood 2014): evenly spread and the same everywhere.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

async fn reach(stage: &Stage, wanted: u64) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let done = committed(stage, "recommendations").await?;
        if done >= wanted {
            return Ok(done);
        }
        anyhow::ensure!(
            began.elapsed() < PATIENCE,
            "{done} of {wanted} ratings after {PATIENCE:?}\n{}",
            stage.engine.log()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
