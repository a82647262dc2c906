//! Streams as they really are: mirrors, transforms, bounds, and what they drop; and the way out of each state in
//! which a pipeline waits for somebody.

mod by_hand;

use serde_json::{Value, json};
use tailrace_nats::async_nats::jetstream::stream;
use tailrace_tests::{cluster::eventually, engine::OPERATOR, tenant::Tenant};

use crate::Stage;

/// A pipeline of one probe on this stream and subject.
fn reading(name: &str, stream: &str, subject: &str, more: &str) -> String {
    format!(
        "name: {name}\ninput:\n  stream: {stream}\n  subjects: [\"{subject}\"]\n  key: {{ json: /user }}\n{more}\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\noutput:\n  subject: \"shop.out.{name}.{{key}}\"\n"
    )
}

fn event(user: &str) -> String {
    json!({ "user": user }).to_string()
}

impl Stage {
    async fn make(&self, config: stream::Config) -> anyhow::Result<()> {
        self.cluster.jetstream.create_stream(config).await?;
        Ok(())
    }

    async fn counted(&self, pipeline: &str, user: &str) -> Option<String> {
        let path = format!("pipelines/{pipeline}/steps/probe/state/{user}");
        let answer = self.engine.own("GET", &path, "").await.ok()?;
        (answer.status == 200).then_some(answer.text)
    }

    /// Waits until a user's state is this.
    async fn counts(&self, pipeline: &str, user: &str, wanted: u64) -> anyhow::Result<()> {
        let wanted = wanted.to_string();
        let done = eventually("the state is as it is to be", || async {
            self.counted(pipeline, user).await.as_deref() == Some(&wanted)
        });
        if let Err(cause) = done.await {
            let status = self.engine.status(pipeline).await?;
            anyhow::bail!("{cause}: {status:#}");
        }
        Ok(())
    }

    /// Waits until the pipeline's status is this, and gives its reason.
    async fn state(&self, pipeline: &str, wanted: &str) -> anyhow::Result<String> {
        let status = Tenant::shop(&self.engine)
            .comes_to(&self.engine, pipeline, wanted)
            .await?;
        Ok(status["reason"].as_str().unwrap_or_default().to_owned())
    }

    async fn resume(&self, pipeline: &str, how: &str) -> anyhow::Result<()> {
        let path = format!("pipelines/{pipeline}/resume?{how}");
        let answer = self.engine.own("POST", &path, "").await?;
        anyhow::ensure!(answer.status == 204, "{answer:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_a_sourced_and_a_transformed_stream_are_inputs() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let sources = |name: &str| stream::Source {
        name: name.to_owned(),
        ..stream::Source::default()
    };
    stage
        .make(stream::Config {
            name: "MIRROR".to_owned(),
            mirror: Some(sources("SHOP")),
            ..stream::Config::default()
        })
        .await?;
    stage
        .make(stream::Config {
            name: "SOURCED".to_owned(),
            sources: Some(vec![sources("SHOP")]),
            ..stream::Config::default()
        })
        .await?;
    stage
        .make(stream::Config {
            name: "TURNED".to_owned(),
            subjects: vec!["raw.>".to_owned()],
            subject_transform: Some(stream::SubjectTransform {
                source: "raw.>".to_owned(),
                destination: "shop.turned.>".to_owned(),
            }),
            ..stream::Config::default()
        })
        .await?;
    for (name, stream, subject) in [
        ("mirrored", "MIRROR", "shop.events.>"),
        ("sourced", "SOURCED", "shop.events.>"),
        ("turned", "TURNED", "shop.turned.>"),
    ] {
        stage
            .engine
            .apply(name, &reading(name, stream, subject, ""))
            .await?;
    }
    stage
        .cluster
        .publish("shop.events.a", [event("u"), event("u")])
        .await?;
    stage.cluster.publish("raw.a", [event("u"), event("u")]).await?;
    for name in ["mirrored", "sourced", "turned"] {
        stage.counts(name, "u", 2).await?;
    }
    // Found by its subjects, too, once it holds some.
    let found = reading("found", "X", "shop.turned.>", "").replace("  stream: X\n", "");
    stage.engine.apply("found", &found).await?;
    stage.counts("found", "u", 2).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_lost_parks_nobody() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage
        .make(stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec!["shop.orders.>".to_owned()],
            max_messages: 100,
            ..stream::Config::default()
        })
        .await?;
    stage
        .engine
        .apply("eve", &reading("eve", "ORDERS", "shop.orders.eve", ""))
        .await?;
    stage.cluster.publish("shop.orders.eve", [event("eve")]).await?;
    stage.counts("eve", "eve", 1).await?;
    stage
        .cluster
        .publish("shop.orders.adam", (0..500).map(|_| event("adam")))
        .await?;
    eventually("nothing is left to do, whatever others published", || async {
        let status = stage.engine.status("eve").await;
        status.is_ok_and(|status| status["lag"] == 0)
    })
    .await?;
    stage.engine.terminate().await?;
    stage
        .cluster
        .publish("shop.orders.adam", (0..500).map(|_| event("adam")))
        .await?;
    stage.restart().await?;
    stage.cluster.publish("shop.orders.eve", [event("eve")]).await?;
    stage.counts("eve", "eve", 2).await?;
    let status = stage.engine.status("eve").await?;
    assert_eq!(status["state"], "running", "{status:#}");
    assert_eq!(status["input"]["lost"], 0, "{status:#}");
    Ok(())
}

impl Stage {
    async fn restart(&mut self) -> anyhow::Result<()> {
        let launch = tailrace_tests::engine::Launch::on(&self.cluster);
        self.engine.restart(&launch)?;
        self.engine.ready().await
    }

    /// A stream that keeps ten messages, and a pipeline that has counted three.
    async fn bounded(&self, more: &str) -> anyhow::Result<()> {
        self.make(stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec!["shop.orders.>".to_owned()],
            max_messages: 10,
            ..stream::Config::default()
        })
        .await?;
        self.engine
            .apply("count", &reading("count", "ORDERS", "shop.orders.>", more))
            .await?;
        self.cluster
            .publish("shop.orders.a", (0..3).map(|_| event("u")))
            .await?;
        self.counts("count", "u", 3).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_loss_parks_with_its_exit_and_the_exit_keeps_the_state() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.bounded("").await?;
    stage.engine.terminate().await?;
    stage
        .cluster
        .publish("shop.orders.a", (0..20).map(|_| event("u")))
        .await?;
    stage.restart().await?;
    let reason = stage.state("count", "parked").await?;
    assert!(
        reason.contains("dropped 10 events") && reason.contains("--accept-loss"),
        "{reason}"
    );
    let again = stage.engine.own("POST", "pipelines/count/resume", "").await?;
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.text.contains("--accept-loss"), "{again:?}");
    stage.resume("count", "accept-loss=true").await?;
    stage.counts("count", "u", 13).await?;
    let status = stage.engine.status("count").await?;
    assert_eq!(status["input"]["lost"], 10, "{status:#}");
    stage.cluster.publish("shop.orders.a", [event("u")]).await?;
    stage.counts("count", "u", 14).await?;
    // Where nothing is lost, nothing is read twice.
    stage.resume("count", "accept-loss=true").await?;
    stage.cluster.publish("shop.orders.a", [event("v")]).await?;
    stage.counts("count", "v", 1).await?;
    stage.counts("count", "u", 14).await?;
    // It is the same after a restart.
    stage.restart().await?;
    stage.cluster.publish("shop.orders.a", [event("u")]).await?;
    stage.counts("count", "u", 15).await?;
    // What was accepted holds for these positions only.
    let accepted = async || -> anyhow::Result<Value> {
        let entry = stage.engine.own("GET", "pipelines/count", "").await?;
        Ok(entry.body["accepted_loss"].clone())
    };
    assert_eq!(accepted().await?, 23);
    stage.resume("count", "from=first").await?;
    assert_eq!(accepted().await?, Value::Null);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_may_be_passed_over_is_counted() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.bounded("  on-loss: continue").await?;
    stage.engine.terminate().await?;
    stage
        .cluster
        .publish("shop.orders.a", (0..20).map(|_| event("u")))
        .await?;
    stage.restart().await?;
    stage.counts("count", "u", 13).await?;
    let status = stage.engine.status("count").await?;
    assert_eq!(status["state"], "running", "{status:#}");
    assert_eq!(status["input"]["lost"], 10, "{status:#}");
    assert_eq!(status["input"]["last_loss"]["from"], 4, "{status:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_made_anew_is_read_from_where_somebody_says_with_the_state_kept() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.bounded("").await?;
    stage.cluster.jetstream.delete_stream("ORDERS").await?;
    let reason = stage.state("count", "parked").await?;
    assert!(
        reason.contains("deleted") && reason.contains("--from first"),
        "{reason}"
    );
    stage.cluster.stream("ORDERS", &["shop.orders.>"]).await?;
    stage
        .cluster
        .publish("shop.orders.a", (0..5).map(|_| event("u")))
        .await?;
    stage.resume("count", "from=3").await?;
    stage.counts("count", "u", 6).await?;
    // To another stream as well.
    stage.cluster.stream("OTHER", &["shop.other.>"]).await?;
    let refused = stage
        .engine
        .own("POST", "pipelines/count/resume?stream=OTHER&from=first", "")
        .await?;
    assert_eq!(refused.status, 422, "it never holds the subjects: {refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_moves_to_another_stream_is_said_and_can_be_followed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("OLD", &["shop.orders.>"]).await?;
    stage
        .engine
        .apply("count", &reading("count", "OLD", "shop.orders.>", ""))
        .await?;
    stage
        .cluster
        .publish("shop.orders.a", (0..3).map(|_| event("u")))
        .await?;
    stage.counts("count", "u", 3).await?;
    let mut moved = stage
        .cluster
        .jetstream
        .get_stream("OLD")
        .await?
        .info()
        .await?
        .config
        .clone();
    moved.subjects = vec!["shop.elsewhere.>".to_owned()];
    stage.cluster.jetstream.update_stream(moved).await?;
    stage.cluster.stream("NEW", &["shop.orders.>"]).await?;
    stage
        .cluster
        .publish("shop.orders.a", (0..2).map(|_| event("u")))
        .await?;
    let reason = stage.state("count", "degraded").await?;
    assert!(
        reason.contains("does not take") && reason.contains("--stream"),
        "{reason}"
    );
    stage.resume("count", "stream=NEW&from=first").await?;
    stage.counts("count", "u", 5).await?;
    stage.state("count", "running").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_that_somebody_takes_from_the_own_stream_are_given_back() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("ORDERS", &["shop.orders.>"]).await?;
    stage
        .engine
        .apply("count", &reading("count", "ORDERS", "shop.orders.>", ""))
        .await?;
    stage.cluster.publish("shop.orders.a", [event("u")]).await?;
    stage.counts("count", "u", 1).await?;
    for (left, count) in [("tr.shop.count.>", 2), ("shop.out.count.*", 3)] {
        let mut own = stage.cluster.jetstream.get_stream("TR_shop_count").await?;
        let mut config = own.info().await?.config.clone();
        config.subjects = vec![left.to_owned()];
        stage.cluster.jetstream.update_stream(config).await?;
        stage.cluster.publish("shop.orders.a", [event("u")]).await?;
        stage.counts("count", "u", count).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn less_is_asked_for_where_the_broker_allows_less() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let mut config = json!({
        "name": "NARROW", "subjects": ["shop.narrow.>"],
        "consumer_limits": { "max_ack_pending": 50, "inactive_threshold": 60_000_000_000_u64 },
    });
    let answer: Value = stage
        .cluster
        .jetstream
        .request("STREAM.CREATE.NARROW", &config)
        .await?;
    assert!(answer.get("error").is_none(), "{answer}");
    stage
        .engine
        .apply("narrow", &reading("narrow", "NARROW", "shop.narrow.>", ""))
        .await?;
    stage
        .cluster
        .publish("shop.narrow.a", (0..500).map(|_| event("u")))
        .await?;
    stage.counts("narrow", "u", 500).await?;
    // Where there is no way, the broker's reason is shown, and it goes on when there is one.
    config["name"] = json!("FULL");
    config["subjects"] = json!(["shop.full.>"]);
    config["max_consumers"] = json!(1);
    config["consumer_limits"] = json!({});
    let answer: Value = stage
        .cluster
        .jetstream
        .request("STREAM.CREATE.FULL", &config)
        .await?;
    assert!(answer.get("error").is_none(), "{answer}");
    let taken = json!({ "stream_name": "FULL", "config": { "durable_name": "taken", "ack_policy": "none" } });
    let answer: Value = stage
        .cluster
        .jetstream
        .request("CONSUMER.DURABLE.CREATE.FULL.taken", &taken)
        .await?;
    assert!(answer.get("error").is_none(), "{answer}");
    stage
        .engine
        .apply("full", &reading("full", "FULL", "shop.full.>", ""))
        .await?;
    let reason = stage.state("full", "degraded").await?;
    assert!(reason.contains("maximum consumers limit"), "{reason}");
    stage.cluster.publish("shop.full.a", [event("u")]).await?;
    let full = stage.cluster.jetstream.get_stream("FULL").await?;
    full.delete_consumer("taken").await?;
    stage.counts("full", "u", 1).await?;
    stage.state("full", "running").await?;
    Ok(())
}

impl Stage {
    /// Changes settings of a stream, as somebody would by hand.
    async fn alter(&self, stream: &str, settings: Value) -> anyhow::Result<()> {
        let jetstream = &self.cluster.jetstream;
        let info: Value = jetstream
            .request(format!("STREAM.INFO.{stream}"), &Value::Null)
            .await?;
        let mut config = info["config"].clone();
        for (setting, value) in settings.as_object().into_iter().flatten() {
            config[setting] = value.clone();
        }
        let answer: Value = jetstream
            .request(format!("STREAM.UPDATE.{stream}"), &config)
            .await?;
        anyhow::ensure!(answer.get("error").is_none(), "{answer}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transform_that_takes_the_subjects_of_an_input_away_is_said() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("TX", &["shop.tx.>"]).await?;
    let manifest = reading("count", "TX", "shop.tx.>", "");
    stage.engine.apply("count", &manifest).await?;
    stage.cluster.publish("shop.tx.a", [event("u")]).await?;
    stage.counts("count", "u", 1).await?;
    let transform = json!({ "src": "shop.tx.>", "dest": "shop.ty.>" });
    stage
        .alter("TX", json!({ "subject_transform": transform }))
        .await?;
    let reason = stage.state("count", "degraded").await?;
    assert!(
        reason.contains("does not take") && reason.contains("shop.ty.>"),
        "{reason}"
    );
    let late = reading("late", "TX", "shop.tx.>", "");
    let refused = stage.engine.own("PUT", "pipelines/late", late).await?;
    assert_eq!(refused.status, 422, "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_its_own_that_refuses_commits_is_said_and_mended() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream("IN", &["shop.in.>"]).await?;
    let manifest = reading("count", "IN", "shop.in.>", "");
    stage.engine.apply("count", &manifest).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    stage.counts("count", "u", 1).await?;
    let own = "TR_shop_count";
    for (round, settings) in [
        json!({ "max_msg_size": 10 }),
        json!({ "allow_atomic": false }),
        json!({ "max_msgs": 1 }),
        json!({ "subject_transform": { "src": "tr.shop.count.>", "dest": "zz.>" } }),
    ]
    .into_iter()
    .enumerate()
    {
        stage.alter(own, settings.clone()).await?;
        stage.cluster.publish("shop.in.a", [event("u")]).await?;
        let is_astray = settings.get("subject_transform").is_some();
        let state = if is_astray { "waiting" } else { "degraded" };
        stage.state("count", state).await?;
        // The broker's refusal is heard of at once, and the stream is looked at every few seconds.
        eventually("it says what was altered", || async {
            let status = stage.engine.status("count").await;
            status.is_ok_and(|status| status["reason"].to_string().contains("was altered"))
        })
        .await?;
        let mended = stage.engine.ask("POST", "/v1/doctor/fix", OPERATOR, "").await?;
        assert!(mended.text.contains("altered-stream"), "{settings}: {mended:?}");
        stage.counts("count", "u", 2 + round as u64).await?;
        stage.state("count", "running").await?;
    }
    stage.alter(own, json!({ "sealed": true })).await?;
    stage.cluster.publish("shop.in.a", [event("u")]).await?;
    eventually("it says what is left", || async {
        let status = stage.engine.status("count").await;
        status.is_ok_and(|status| status["reason"].to_string().contains("--new-stream"))
    })
    .await?;
    stage.resume("count", "new-stream=true").await?;
    stage.counts("count", "u", 6).await
}
