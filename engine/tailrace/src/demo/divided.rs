//! The same work in two pipelines: one learns, one ranks.
//!
//! The learning pipeline goes through a part of the ratings, and a stream keeps the newest row of each film. Then the
//! ranking pipeline goes through the same ratings in its partitions, over the same rows. All rows are there before the
//! first rating, and nothing is learnt meanwhile. So the rate is that of ranking alone.
//!
//! These lists know the future of their ratings, so they are counted but not judged: `plugins/ranker/tests/movielens`
//! compares the quality of both forms.

use evaluation::Rating;
use tailrace_control::{Queries, command::streams::StreamRequest};
use tailrace_core::{identity::PipelineId, name::Name, ports::clock::Clock as _, subject};
use tailrace_server::system::SystemClock;

use super::{
    pipelines::{TENANT, apply_text, wait},
    publish,
};
use crate::dev::PrivateEngine;

const LEARN: &str = include_str!("../../../../examples/recommendations/learn.yaml");
const RANK: &str = include_str!("../../../../examples/recommendations/rank.yaml");
/// Ratings that both go through: enough for steady rates, and some seconds a run.
const RATINGS: usize = 10_000;
/// Ratings at the begin of a run that are not timed: the pipeline is still starting.
const WARM: u64 = 1_000;
/// The stream and the subjects of these ratings, in place of those in the manifests: the other pipeline keeps its own.
const STREAM: (&str, &str) = ("stream: SHOP", "stream: SHOP_DIVIDED");
const SUBJECTS: (&str, &str) = ("shop.events.>", "shop.divided.>");

/// What came of it.
pub struct Divided {
    /// Ratings that were learnt from, and then ranked.
    pub ratings: u64,
    /// Ratings that the learning took in a second.
    pub learn_rate: f64,
    /// Rows that were published.
    pub rows: u64,
    /// Ratings that the ranking took in a second.
    pub rank_rate: f64,
}

/// Runs both pipelines.
pub async fn run(engine: &PrivateEngine, ratings: &[Rating]) -> anyhow::Result<Divided> {
    let ratings = &ratings[..ratings.len().min(RATINGS)];
    let count = ratings.len() as u64;
    let queries = &engine.engine.queries;
    publish::make_stream(&engine.engine.broker, "SHOP_DIVIDED", SUBJECTS.1).await?;
    publish::publish(&engine.engine.broker, "shop.divided.rating", ratings).await?;
    let learn = apply_text(&engine.engine.commands, &here(LEARN)).await?;
    let learn_rate = rate(queries, &learn, count).await?;
    let rows = queries
        .pipeline_status(&learn)
        .await?
        .engine
        .stats
        .counts
        .outcomes
        .outputs;
    make_table(engine).await?;
    let rank = apply_text(&engine.engine.commands, &here(RANK)).await?;
    let rank_rate = rate(queries, &rank, count).await?;
    Ok(Divided {
        ratings: count,
        learn_rate,
        rows,
        rank_rate,
    })
}

/// A manifest that reads the ratings of this part.
fn here(manifest: &str) -> String {
    manifest
        .replace(STREAM.0, STREAM.1)
        .replace(SUBJECTS.0, SUBJECTS.1)
}

/// The stream that keeps the newest row of each film.
async fn make_table(engine: &PrivateEngine) -> anyhow::Result<()> {
    let request = serde_json::json!({
        "sources": [{ "stream": "TR_shop_learn", "subject": "shop.items.*" }],
        "newest-only": true,
    });
    let request: StreamRequest = serde_json::from_value(request)?;
    let tenant = Name::new(TENANT)?;
    engine
        .engine
        .commands
        .put_stream(&tenant, &Name::new("items")?, request)
        .await?;
    // A ranking that began before would find fewer rows, and have less to do than the ones after it.
    let stream = subject::tenant_stream_name(&tenant, &Name::new("items")?);
    publish::await_sources(&engine.engine.broker, &stream).await
}

/// Ratings a second, from the first `WARM` on.
async fn rate(queries: &Queries, id: &PipelineId, count: u64) -> anyhow::Result<f64> {
    let first = wait(queries, id, WARM.min(count / 2)).await?;
    let clock = SystemClock::new();
    let last = wait(queries, id, count).await?;
    Ok((last - first) as f64 / clock.monotonic().as_secs_f64())
}
