//! What somebody does to an input by hand: to its consumer, to the streams that it follows, and beyond its end.

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
};

use super::{event, reading};
use crate::Stage;

impl Stage {
    async fn ask(&self, subject: &str, body: Value) -> anyhow::Result<Value> {
        let answer: Value = self.cluster.jetstream.request(subject.to_owned(), &body).await?;
        anyhow::ensure!(answer.get("error").is_none(), "{subject}: {answer}");
        Ok(answer)
    }

    /// Alters the only consumer of a stream.
    async fn alter_consumer(&self, stream: &str, settings: Value) -> anyhow::Result<()> {
        let listed = self.ask(&format!("CONSUMER.LIST.{stream}"), Value::Null).await?;
        let consumer = &listed["consumers"][0];
        let mut config = consumer["config"].clone();
        for (setting, value) in settings.as_object().into_iter().flatten() {
            config[setting] = value.clone();
        }
        let name = consumer["name"].as_str().unwrap_or_default();
        let request = json!({ "stream_name": stream, "config": config, "action": "update" });
        self.ask(&format!("CONSUMER.CREATE.{stream}.{name}"), request)
            .await?;
        Ok(())
    }

    /// Waits until a pipeline is in a state for a reason with all of these parts.
    async fn says(&self, pipeline: &str, state: &str, parts: &[&str]) -> anyhow::Result<()> {
        let what = format!("{pipeline} is {state} and says {parts:?}");
        eventually(&what, || async {
            let status = self.engine.status(pipeline).await.unwrap_or_default();
            let reason = status["reason"].as_str().unwrap_or_default();
            status["state"] == state && parts.iter().all(|part| reason.contains(part))
        })
        .await
    }

    /// Waits until the input was read up to this sequence.
    async fn has_seen(&self, pipeline: &str, sequence: u64) -> anyhow::Result<()> {
        eventually("the input was read so far", || async {
            let status = self.engine.status(pipeline).await;
            status.is_ok_and(|status| status["partitions"][0]["seen"].as_u64() >= Some(sequence))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_somebody_alters_passes_over_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("IN", &["shop.in.>"]).await?;
    let manifest = reading("count", "IN", "shop.in.>", "");
    stage.engine.apply("count", &manifest).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 1).await?;
    stage
        .alter_consumer("IN", json!({ "filter_subjects": ["shop.in.none"] }))
        .await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 2).await?;
    stage
        .alter_consumer("IN", json!({ "headers_only": true }))
        .await?;
    stage
        .cluster
        .publish("shop.in.a", (0..20).map(|_| event("u")))
        .await?;
    stage.counts("count", "u", 22).await?;
    let letters = stage
        .engine
        .own("GET", "pipelines/count/dead-letters", "")
        .await?;
    assert!(!letters.text.contains("payload"), "{letters:?}");
    // A publisher may write the header that tells a message without its payload.
    let mut headers = tailrace_nats::async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Size", "5");
    let client = &stage.cluster.client;
    client
        .publish_with_headers("shop.in.a", headers, "".into())
        .await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 23).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_follows_in_vain_is_said() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("A", &["shop.a.>"]).await?;
    stage.cluster.stream("B", &["shop.b.>"]).await?;
    stage
        .ask(
            "STREAM.CREATE.MIRROR",
            json!({ "name": "MIRROR", "mirror": { "name": "A" } }),
        )
        .await?;
    let sources = json!([{ "name": "A" }, { "name": "B" }]);
    stage
        .ask(
            "STREAM.CREATE.BOTH",
            json!({ "name": "BOTH", "sources": sources }),
        )
        .await?;
    let mirrored = reading("mirrored", "MIRROR", "shop.a.>", "");
    stage.engine.apply("mirrored", &mirrored).await?;
    let both = reading("both", "BOTH", "shop.a.>", "");
    let both = both.replace("[\"shop.a.>\"]", "[\"shop.a.>\", \"shop.b.>\"]");
    stage.engine.apply("both", &both).await?;
    for subject in ["shop.a.x", "shop.b.x"] {
        stage.cluster.publish(subject, [event("u")]).await?;
    }
    stage.counts("both", "u", 2).await?;
    stage.counts("mirrored", "u", 1).await?;
    // A source is taken out, and one is narrowed.
    for left in [
        json!([{ "name": "A" }]),
        json!([{ "name": "A" }, { "name": "B", "filter_subject": "shop.x" }]),
    ] {
        stage.alter("BOTH", json!({ "sources": left })).await?;
        let reason = stage.state("both", "degraded").await?;
        assert!(reason.contains("does not take \"shop.b.>\" any more"), "{reason}");
        stage.alter("BOTH", json!({ "sources": sources })).await?;
        stage.state("both", "running").await?;
    }
    // What is followed is deleted.
    stage.cluster.jetstream.delete_stream("A").await?;
    for pipeline in ["mirrored", "both"] {
        let reason = stage.state(pipeline, "degraded").await?;
        assert!(
            reason.contains("gets nothing more from stream A: stream not found"),
            "{reason}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_beyond_the_end_of_a_stream_loses_only_what_was_there() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.cluster.stream("IN", &["shop.in.>"]).await?;
    let manifest = reading("count", "IN", "shop.in.>", "");
    stage.engine.apply("count", &manifest).await?;
    stage
        .cluster
        .publish("shop.in.a", (0..3).map(|_| event("u")))
        .await?;
    stage.counts("count", "u", 3).await?;
    stage.has_seen("count", 3).await?;
    stage.ask("STREAM.PURGE.IN", json!({ "seq": 1_000_000 })).await?;
    stage.has_seen("count", 999_999).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 4).await?;
    // The same while the engine is away, and while it does not look.
    stage.engine.terminate().await?;
    stage.ask("STREAM.PURGE.IN", json!({ "seq": 2_000_000 })).await?;
    stage.restart().await?;
    stage.has_seen("count", 1_999_999).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 5).await?;
    let status = stage.engine.status("count").await?;
    assert_eq!(status["state"], "running", "{status:#}");
    assert_eq!(status["input"]["lost"], 0, "{status:#}");
    assert!(status["input"]["last_loss"].is_null(), "{status:#}");
    stage.ask("STREAM.PURGE.IN", json!({ "seq": 3_000_000 })).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 6).await?;
    let status = stage.engine.status("count").await?;
    assert_eq!(status["state"], "running", "{status:#}");
    assert_eq!(status["input"]["lost"], 0, "{status:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_took_the_subjects_of_a_pipeline_is_named_until_it_gives_them_back()
-> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.cluster.stream("IN", &["shop.in.>"]).await?;
    stage
        .engine
        .apply("p", &reading("p", "IN", "shop.in.>", ""))
        .await?;
    // Whoever made it hold more has taken nothing.
    stage
        .alter(
            "TR_shop_p",
            json!({ "subjects": ["tr.shop.p.>", "shop.out.p.>"] }),
        )
        .await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("p", "u", 1).await?;
    stage.state("p", "running").await?;
    for (count, (taken, left)) in [("shop.out.p.*", "tr.shop.p.>"), ("tr.shop.p.>", "shop.out.p.*")]
        .into_iter()
        .enumerate()
    {
        stage.alter("TR_shop_p", json!({ "subjects": [left] })).await?;
        stage.cluster.stream("THIEF", &[taken]).await?;
        stage.cluster.publish("shop.in.a", [event("u")]).await?;
        stage
            .says("p", "degraded", &[taken, "THIEF", "nats stream rm"])
            .await?;
        let doctor = stage.engine.ask("GET", "/v1/doctor", OPERATOR, "").await?;
        assert!(
            doctor.text.contains("altered-stream") && doctor.text.contains(taken),
            "{}",
            doctor.text
        );
        stage.engine.kill();
        stage.engine.restart(&Launch::on(&stage.cluster))?;
        stage.says("p", "waiting", &[taken, "THIEF"]).await?;
        stage.cluster.jetstream.delete_stream("THIEF").await?;
        stage.counts("p", "u", 2 + count as u64).await?;
        stage.state("p", "running").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_onto_subjects_that_were_taken_meanwhile_names_the_stream() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("IN", &["shop.in.>"]).await?;
    let manifest = reading("p", "IN", "shop.in.>", "");
    stage.engine.apply("p", &manifest).await?;
    stage
        .engine
        .apply("p", &manifest.replace("shop.out.p.", "shop.other.p."))
        .await?;
    eventually("the old subject is given up", || async {
        let own = stage.cluster.jetstream.get_stream("TR_shop_p").await;
        own.is_ok_and(|own| !own.cached_info().config.subjects.contains(&"shop.out.p.*".into()))
    })
    .await?;
    stage.cluster.stream("THIEF", &["shop.out.p.*"]).await?;
    let refused = stage.engine.own("POST", "pipelines/p/rollback", "").await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.text.contains("THIEF") && refused.text.contains("take it from that stream"),
        "{refused:?}"
    );
    Ok(())
}
