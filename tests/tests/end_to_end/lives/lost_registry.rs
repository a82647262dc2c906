//! What is the engine's own and is deleted under it: the registry says of nothing that it is gone, and the rest comes
//! back by itself.

use anyhow::Context as _;
use bytes::Bytes;
use futures::TryStreamExt as _;
use tailrace_nats::async_nats::jetstream::kv;
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
    tenant::Tenant,
};

use super::event;
use crate::{Stage, probe};

const BUCKET: &str = "tailrace_registry";

/// Pipeline `p`, which has counted an event, and all that the registry says.
async fn set() -> anyhow::Result<(Stage, Vec<(String, Bytes)>)> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    stage.engine.caught_up("p", 1).await?;
    let bucket = stage.cluster.jetstream.get_key_value(BUCKET).await?;
    let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
    let mut entries = Vec::new();
    for key in keys {
        let value = bucket.get(&key).await?.context("an entry went")?;
        entries.push((key, value));
    }
    Ok((stage, entries))
}

/// What `/readyz` says of an engine that is not ready, once it says this.
async fn unready(stage: &Stage, says: &str) -> anyhow::Result<()> {
    eventually("/readyz says what is wrong", || async {
        let ready = stage.engine.ask("GET", "/readyz", "", "").await;
        ready.is_ok_and(|ready| ready.status == 503 && ready.text.contains(says))
    })
    .await
    .with_context(|| stage.engine.log())
}

async fn counts_on(stage: &Stage, events: u64) -> anyhow::Result<()> {
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    stage.engine.caught_up("p", events).await?;
    let counts = Tenant::shop(&stage.engine).counts(&stage.engine, "p").await?;
    anyhow::ensure!(counts == [("u".to_owned(), events)], "{counts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_with_the_registry_and_all_goes_on_when_it_is_back() -> anyhow::Result<()> {
    let (mut stage, entries) = set().await?;
    let jetstream = stage.cluster.jetstream.clone();
    jetstream.delete_key_value(BUCKET).await?;
    unready(&stage, "accept-registry-loss").await?;
    // What runs goes on.
    stage.cluster.publish("shop.events.x", [event("v")]).await?;
    eventually("its events are processed", || async {
        stage
            .cluster
            .read("TR_shop_p", "shop.p.*")
            .await
            .is_ok_and(|read| read.len() == 2)
    })
    .await?;
    for restarts in [false, true] {
        if restarts {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
            unready(&stage, "TR_shop_p").await?;
        }
        let found = stage.engine.ask("GET", "/v1/doctor", OPERATOR, "").await?;
        assert!(
            found.text.contains("lost-registry") && !found.text.contains("orphan"),
            "{found:?}"
        );
        let fixed = stage.engine.ask("POST", "/v1/doctor/fix", OPERATOR, "").await?;
        assert_eq!(
            (fixed.status, &fixed.body["code"]),
            (503, &"not-ready".into()),
            "{fixed:?}"
        );
        let own = stage.engine.own("GET", "pipelines", "").await?;
        assert!(
            matches!(own.status, 200 | 503),
            "no token is refused for it: {own:?}"
        );
    }
    assert!(
        jetstream.get_key_value(BUCKET).await.is_err(),
        "a backup finds the place free"
    );
    assert_eq!(stage.cluster.read("TR_shop_p", "shop.p.*").await?.len(), 2);
    assert!(jetstream.get_stream("OBJ_tailrace_plugins").await.is_ok());
    let config = kv::Config {
        bucket: BUCKET.to_owned(),
        history: 1,
        ..kv::Config::default()
    };
    let bucket = jetstream.create_key_value(config).await?;
    for (key, value) in entries {
        bucket.put(key, value).await?;
    }
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let shop = Tenant::shop(&stage.engine);
    shop.comes_to(&stage.engine, "p", "running").await?;
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    stage.engine.caught_up("p", 3).await?;
    let counts = shop.counts(&stage.engine, "p").await?;
    assert_eq!(counts, [("u".to_owned(), 2), ("v".to_owned(), 1)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gives_the_registry_up_and_begins_anew() -> anyhow::Result<()> {
    let (mut stage, _) = set().await?;
    stage.engine.kill();
    stage.cluster.jetstream.delete_key_value(BUCKET).await?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    unready(&stage, "TR_shop_p").await?;
    let path = "/v1/doctor/fix?accept-registry-loss=true";
    let fixed = stage.engine.ask("POST", path, OPERATOR, "").await?;
    assert_eq!(fixed.status, 200, "{fixed:?}");
    assert!(fixed.text.contains("TR_shop_p"), "{fixed:?}");
    assert!(stage.cluster.jetstream.get_stream("TR_shop_p").await.is_err());
    for restarts in [false, true] {
        if restarts {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
        }
        stage.engine.ready().await?;
    }
    Tenant::make(&stage.engine, "bank").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_and_audit_log_come_back_while_the_engine_runs() -> anyhow::Result<()> {
    let (stage, _) = set().await?;
    let jetstream = &stage.cluster.jetstream;
    jetstream.delete_key_value("tailrace_engines").await?;
    jetstream.delete_stream("tailrace_audit").await?;
    Tenant::make(&stage.engine, "bank").await?;
    let audit = stage.engine.ask("GET", "/v1/audit", OPERATOR, "").await?;
    let log = audit.body.as_array().cloned().unwrap_or_default();
    assert_eq!(
        log.last().map(|first| &first["action"]),
        Some(&"audit-log-lost".into()),
        "{audit:?}"
    );
    eventually("the lease is there again", || async {
        let Ok(bucket) = jetstream.get_key_value("tailrace_engines").await else {
            return false;
        };
        let Ok(keys) = bucket.keys().await else {
            return false;
        };
        keys.try_collect::<Vec<String>>()
            .await
            .is_ok_and(|keys| keys.len() == 1)
    })
    .await
    .with_context(|| stage.engine.log())?;
    stage.engine.ready().await?;
    counts_on(&stage, 2).await
}
