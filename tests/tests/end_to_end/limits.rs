//! Rate limits: what is over them waits, is dropped or becomes a dead letter, and every event is
//! accounted for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{OPERATOR, TENANT},
};

use crate::{Stage, probe};

/// The probe with limits.
fn limited(name: &str, partitions: u32, rate: &str) -> String {
    format!("{}rate: {rate}\n", probe(name, partitions, ""))
}

fn events(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|number| json!({ "user": number % 20 }).to_string())
}

impl Stage {
    /// Sets the tenant's quotas.
    async fn quotas(&self, quotas: Value) -> anyhow::Result<()> {
        let body = json!({ "read": ["shop.>"], "write": ["shop.>"], "quotas": quotas });
        let path = format!("/v1/tenants/{TENANT}");
        let answer = self.engine.ask("PUT", &path, OPERATOR, body.to_string()).await?;
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    }

    async fn shows_limit(&self, pipeline: &str, by: &str) -> anyhow::Result<()> {
        eventually("the status names the limit", || async {
            let status = self.engine.status(pipeline).await;
            status.is_ok_and(|status| status["limited"]["by"] == by)
        })
        .await
    }

    async fn outputs(&self, pipeline: &str) -> anyhow::Result<usize> {
        let stream = format!("TR_{TENANT}_{pipeline}");
        let subjects = format!("{TENANT}.{pipeline}.*");
        Ok(self.cluster.read(&stream, &subjects).await?.len())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_pipeline_takes_its_time_and_loses_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let spec = limited("slow", 2, "{ events: { limit: 100 } }");
    stage.engine.apply("slow", &spec).await?;
    #[allow(
        clippy::disallowed_methods,
        reason = "that it takes its time is what is tested"
    )]
    let began = Instant::now();
    stage.cluster.publish("shop.events.x", events(500)).await?;
    stage.shows_limit("slow", "events").await?;
    eventually("all events are done", || async {
        let status = stage.engine.status("slow").await;
        status.is_ok_and(|status| status["stats"]["counts"]["events"] == 500)
    })
    .await?;
    let took = began.elapsed();
    // In any span, at most the limit and what it allows in that time.
    assert!(
        took >= Duration::from_secs(4),
        "500 at 100 a second took {took:?}"
    );
    assert_eq!(stage.outputs("slow").await?, 500);
    eventually("the limit holds nothing back any more", || async {
        let status = stage.engine.status("slow").await;
        status.is_ok_and(|status| status.get("limited").is_none() && status["stats"]["counts"]["shed"] == 0)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_call_after_call_rests_and_loses_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let step = "    limits: { fuel: 10000000000, deadline: 20ms }\n    on-error: { retries: 0, then: dead-letter }\n";
    stage.engine.apply("loops", &probe("loops", 1, step)).await?;
    let stopped = (0..12).map(|_| json!({ "user": "u", "do": "loop" }).to_string());
    stage.cluster.publish("shop.events.x", stopped).await?;
    stage.shows_limit("loops", "stopped-calls").await?;
    stage.cluster.publish("shop.events.x", events(200)).await?;
    stage.engine.caught_up("loops", 212).await?;
    assert_eq!(stage.outputs("loops").await?, 200);
    let status = stage.engine.status("loops").await?;
    assert_eq!(status["stats"]["counts"]["dead"], 12, "{status:#}");
    eventually("nothing holds it back any more", || async {
        let status = stage.engine.status("loops").await;
        status.is_ok_and(|status| status.get("limited").is_none())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_raised_without_a_restart_and_a_tenants_holds_for_all_its_pipelines() -> anyhow::Result<()>
{
    let stage = Stage::set().await?;
    stage
        .quotas(json!({ "rates": { "events": { "limit": 10, "per": "1h", "window": "fixed" } } }))
        .await?;
    for name in ["one", "other"] {
        stage.engine.apply(name, &probe(name, 2, "")).await?;
    }
    stage.cluster.publish("shop.events.x", events(200)).await?;
    stage.shows_limit("one", "tenant-events").await?;
    stage.shows_limit("other", "tenant-events").await?;
    eventually("the tenant's ten are processed", || async {
        let both = (stage.outputs("one").await, stage.outputs("other").await);
        matches!(both, (Ok(one), Ok(other)) if one + other == 10)
    })
    .await?;
    stage.quotas(json!({})).await?;
    for name in ["one", "other"] {
        stage.engine.caught_up(name, 200).await?;
        assert_eq!(stage.outputs(name).await?, 200);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shed_is_counted_to_the_last_event() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let rate = |over: &str| format!("{{ events: {{ limit: 50, per: 24h, window: fixed }}, over: {over} }}");
    stage
        .engine
        .apply("drops", &limited("drops", 1, &rate("drop")))
        .await?;
    stage
        .engine
        .apply("letters", &limited("letters", 1, &rate("dead-letter")))
        .await?;
    stage.cluster.publish("shop.events.x", events(300)).await?;
    stage.engine.caught_up("drops", 300).await?;
    stage.engine.caught_up("letters", 300).await?;
    let counts = |status: Value| status["stats"]["counts"].clone();
    let drops = counts(stage.engine.status("drops").await?);
    assert_eq!(
        (
            &drops["events"],
            &drops["emitted"],
            &drops["shed"],
            &drops["letters"]
        ),
        (&json!(300), &json!(50), &json!(250), &json!(0)),
        "{drops:#}"
    );
    assert_eq!(stage.outputs("drops").await?, 50);
    let letters = counts(stage.engine.status("letters").await?);
    assert_eq!(
        (
            &letters["events"],
            &letters["emitted"],
            &letters["dead"],
            &letters["shed"]
        ),
        (&json!(300), &json!(50), &json!(250), &json!(0)),
        "{letters:#}"
    );
    let first = stage
        .engine
        .own("GET", "pipelines/letters/dead-letters?limit=1", "")
        .await?;
    assert_eq!(first.body[0]["code"], "rate-limited", "{first:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_and_fuel_are_limited_by_what_events_came_to() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let spec = limited(
        "bytes",
        1,
        "{ output-bytes: { limit: 1KiB, per: 24h, window: fixed } }",
    );
    stage.engine.apply("bytes", &spec).await?;
    stage.cluster.publish("shop.events.x", events(200)).await?;
    stage.shows_limit("bytes", "output-bytes").await?;
    let counts = |status: Value| status["stats"]["counts"].clone();
    eventually("what was processed is committed", || async {
        let status = stage.engine.status("bytes").await;
        status.is_ok_and(|status| status["stats"]["counts"]["bytes_out"].as_u64() >= Some(1_024))
    })
    .await?;
    let before = counts(stage.engine.status("bytes").await?);
    let (done, bytes) = (before["events"].as_u64(), before["bytes_out"].as_u64());
    let one = bytes
        .zip(done)
        .map_or(0, |(bytes, done)| bytes.div_ceil(done.max(1)));
    // By at most one event's.
    assert!(bytes < Some(1_024 + 2 * one), "{before:#}");
    stage.engine.apply("bytes", &probe("bytes", 1, "")).await?;
    stage.engine.caught_up("bytes", 200).await?;
    stage
        .quotas(json!({ "rates": { "fuel": { "limit": 1, "per": "24h" } } }))
        .await?;
    stage.cluster.publish("shop.events.x", events(2)).await?;
    stage.shows_limit("bytes", "tenant-fuel").await?;
    stage.quotas(json!({})).await?;
    stage.engine.caught_up("bytes", 202).await?;
    let outputs = json!({ "limit": 3, "per": "24h", "window": "fixed" });
    stage.quotas(json!({ "rates": { "outputs": outputs } })).await?;
    stage.cluster.publish("shop.events.x", events(10)).await?;
    stage.shows_limit("bytes", "tenant-outputs").await?;
    eventually("three more are published", || async {
        stage.outputs("bytes").await.is_ok_and(|outputs| outputs == 205)
    })
    .await?;
    stage.quotas(json!({})).await?;
    stage.engine.caught_up("bytes", 212).await?;
    assert_eq!(stage.outputs("bytes").await?, 212);
    Ok(())
}
