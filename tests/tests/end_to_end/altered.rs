//! What somebody alters by hand of what the engine made on the broker, and of what it may do there. It is told with the
//! name of the thing, and goes on when it is given back.

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::{BrokerOptions, Cluster, eventually},
    engine::{Engine, Launch, OPERATOR},
    http::Answer,
    tenant::Tenant,
};

use crate::{Stage, probe};

async fn alter(cluster: &Cluster, stream: &str, settings: Value) -> anyhow::Result<()> {
    let jetstream = &cluster.jetstream;
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
    anyhow::ensure!(answer.get("error").is_none(), "{stream}: {answer}");
    Ok(())
}

/// Waits until `/readyz` answers so, and says all of this.
async fn readiness(engine: &Engine, status: u16, says: &[&str]) -> anyhow::Result<Answer> {
    let ask = || engine.ask("GET", "/readyz", "", "");
    let what = format!("/readyz says {status} {says:?}");
    let so = eventually(&what, || async {
        ask()
            .await
            .is_ok_and(|answer| answer.status == status && says.iter().all(|part| answer.text.contains(part)))
    });
    if let Err(cause) = so.await {
        anyhow::bail!("{cause}: {:?}\n{}", ask().await, engine.log());
    }
    ask().await
}

async fn mend(engine: &Engine) -> anyhow::Result<()> {
    let mended = engine.ask("POST", "/v1/doctor/fix", OPERATOR, "").await?;
    anyhow::ensure!(mended.status == 200, "{mended:?}");
    Ok(())
}

async fn publish(cluster: &Cluster, events: usize) -> anyhow::Result<()> {
    let event = r#"{"user":"u","do":"count"}"#;
    cluster.publish("shop.events.x", vec![event; events]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_for_all_pipelines_is_named_with_its_setting_and_given_back() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    // The bucket is made with the first of them.
    stage.cluster.jetstream.get_stream("OBJ_tailrace_plugins").await?;
    for (stream, settings, says) in [
        (
            "KV_tailrace_engines",
            json!({ "max_bytes": 100 }),
            "max_bytes is 100",
        ),
        (
            "tailrace_audit",
            json!({ "subjects": ["somebodys.>"] }),
            "subjects is",
        ),
        (
            "OBJ_tailrace_plugins",
            json!({ "max_age": 3_600_000_000_000_u64 }),
            "max_age is",
        ),
        (
            "KV_tailrace_registry",
            json!({ "max_msg_size": 10 }),
            "max_msg_size is 10",
        ),
    ] {
        alter(&stage.cluster, stream, settings).await?;
        readiness(&stage.engine, 503, &[stream, says, "doctor --fix"]).await?;
        mend(&stage.engine).await?;
        readiness(&stage.engine, 200, &["ready"]).await?;
    }
    // What hinders nothing is told all the same.
    alter(
        &stage.cluster,
        "KV_tailrace_registry",
        json!({ "max_msgs_per_subject": -1 }),
    )
    .await?;
    readiness(
        &stage.engine,
        200,
        &["KV_tailrace_registry", "max_msgs_per_subject is -1"],
    )
    .await?;
    mend(&stage.engine).await?;
    stage.engine.apply("q", &probe("q", 1, "")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_its_own_that_throws_records_away_is_waited_for() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    publish(&stage.cluster, 3).await?;
    stage.engine.caught_up("p", 3).await?;
    alter(&stage.cluster, "TR_shop_p", json!({ "retention": "interest" })).await?;
    let shop = Tenant::shop(&stage.engine);
    let status = shop.comes_to(&stage.engine, "p", "waiting").await?;
    let reason = status["reason"].as_str().unwrap_or_default();
    for part in ["retention is \"interest\"", "doctor --fix"] {
        assert!(reason.contains(part), "{reason}");
    }
    mend(&stage.engine).await?;
    // The broker has thrown away at once what nobody had a consumer for, and that is told as well.
    let status = shop.comes_to(&stage.engine, "p", "parked").await?;
    let reason = status["reason"].as_str().unwrap_or_default();
    for part in ["the commit records", "are gone", "--new-stream"] {
        assert!(reason.contains(part), "{reason}");
    }
    Ok(())
}

/// What the engine's user may not do stands in two words of the configuration.
async fn guarded() -> anyhow::Result<Cluster> {
    let denied = r#"{ publish: { allow: [">"], deny: ["nothing.>"] }, subscribe: { allow: [">"], deny: ["nowhere.>"] } }"#;
    let users = format!(
        "users: [{{ user: engine, password: secret, permissions: {denied} }}, {{ user: outside, password: x }}]"
    );
    Cluster::start_with(&BrokerOptions {
        more: format!("accounts {{ ALL: {{ jetstream: enabled, {users} }} }}\nno_auth_user: outside\n"),
        ..BrokerOptions::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_are_narrowed_are_named_and_it_goes_on_when_they_are_back() -> anyhow::Result<()> {
    let cluster = guarded().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch {
        nats: format!("nats://engine:secret@{}", cluster.address()),
        ..Launch::default()
    };
    let engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("p", &probe("p", 1, "")).await?;
    let shop = Tenant::shop(&engine);
    let mut events = 0;
    for (word, other, says) in [
        ("nothing.>", "$JS.API.>", "publish to \\\"$JS.API."),
        ("nowhere.>", "_INBOX.>", "subscribe to \\\"_INBOX.>\\\""),
    ] {
        cluster.reconfigure(word, other)?;
        readiness(&engine, 503, &[says, "permissions"]).await?;
        eventually("it waits, and says why", || async {
            let status = shop.status(&engine, "p").await;
            let reason = status["reason"].as_str().unwrap_or_default();
            status["state"] == "waiting" && reason.contains("does not allow the engine's user")
        })
        .await?;
        cluster.reconfigure(other, word)?;
        readiness(&engine, 200, &["ready"]).await?;
        publish(&cluster, 2).await?;
        events += 2;
        engine.caught_up("p", events).await?;
    }
    Ok(())
}
