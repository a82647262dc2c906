//! An entry of the registry that this version cannot read, because a newer engine wrote it or something damaged it,
//! is not taken for one that is absent: it is listed as what it is, nothing of it goes, and when it is mended all
//! goes on where it was.

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::Value;
use tailrace_nats::async_nats::jetstream::kv;
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
    tenant::Tenant,
};

use super::event;
use crate::{Stage, probe};

/// What a damaged entry, and one of a newer engine, may look like.
const GARBAGE: [&str; 2] = ["\u{0}\u{1}not JSON", r#"{"format":99,"life":"?"}"#];

async fn registry(stage: &Stage) -> anyhow::Result<kv::Store> {
    Ok(stage.cluster.jetstream.get_key_value("tailrace_registry").await?)
}

async fn unreadable_entries(stage: &Stage, wanted: u64) -> anyhow::Result<()> {
    eventually("/readyz says how many entries cannot be read", || async {
        let ready = stage.engine.ask("GET", "/readyz", "", "").await;
        ready.is_ok_and(|ready| {
            ready.status == 200 && ready.body["unreadable_entries"].as_u64().unwrap_or(0) == wanted
        })
    })
    .await
    .with_context(|| stage.engine.log())
}

/// Pipelines `p` and `other`, which have counted one event each, and what the registry says under a key.
async fn set(key: &str) -> anyhow::Result<(Stage, Bytes)> {
    let stage = Stage::set().await?;
    for name in ["p", "other"] {
        stage.engine.apply(name, &probe(name, 1, "")).await?;
    }
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    for name in ["p", "other"] {
        stage.engine.caught_up(name, 1).await?;
    }
    let entry = registry(&stage).await?.get(key).await?.context("no entry")?;
    Ok((stage, entry))
}

async fn listed(stage: &Stage, path: &str, name: &str) -> anyhow::Result<Value> {
    let list = stage.engine.ask("GET", path, OPERATOR, "").await?.body;
    let mut list = list.as_array().cloned().unwrap_or_default().into_iter();
    let found = list.find(|listed| listed["name"] == name);
    found.with_context(|| format!("{name} is not in {path}"))
}

/// The state of `p` is as it was, and counts on.
async fn counts_on(stage: &Stage, event_number: u64) -> anyhow::Result<()> {
    let shop = Tenant::shop(&stage.engine);
    shop.comes_to(&stage.engine, "p", "running").await?;
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    stage.engine.caught_up("p", event_number).await?;
    let counts = shop.counts(&stage.engine, "p").await?;
    anyhow::ensure!(counts == [("u".to_owned(), event_number)], "{counts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_entry_cannot_be_read_is_listed_and_kept_until_it_is_mended() -> anyhow::Result<()> {
    const KEY: &str = "pipeline.shop.p";
    let (mut stage, entry) = set(KEY).await?;
    let mut events = 1;
    for garbage in GARBAGE {
        registry(&stage).await?.put(KEY, garbage.into()).await?;
        for restarts in [false, true] {
            if restarts {
                stage.engine.restart(&Launch::on(&stage.cluster))?;
                stage.engine.ready().await?;
            }
            unreadable_entries(&stage, 1).await?;
            let shown = listed(&stage, "/v1/tenants/shop/pipelines", "p").await?;
            assert_eq!(shown["state"], "unreadable", "{shown}");
            assert!(
                shown["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains(KEY)),
                "{shown}"
            );
            // Nobody makes it anew over what is there, and nobody deletes it unread.
            for (method, body) in [("PUT", probe("p", 1, "")), ("DELETE", String::new())] {
                let refused = stage.engine.own(method, "pipelines/p", body).await?;
                assert_eq!(refused.status, 409, "{method}: {refused:?}");
            }
            let kept = stage.cluster.read("TR_shop_p", "shop.p.*").await?;
            assert_eq!(kept.len() as u64, events, "its stream is as it was");
            let doctor = stage.engine.ask("GET", "/v1/doctor", OPERATOR, "").await?;
            assert!(doctor.text.contains("unreadable-entry"), "{doctor:?}");
        }
        events += 1;
        stage.cluster.publish("shop.events.x", [event("u")]).await?;
        stage.engine.caught_up("other", events).await?;
        registry(&stage).await?.put(KEY, entry.clone()).await?;
        unreadable_entries(&stage, 0).await?;
        stage.engine.caught_up("p", events).await?;
        events += 1;
        counts_on(&stage, events).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_entry_cannot_be_read_is_listed_and_kept_until_it_is_mended() -> anyhow::Result<()> {
    const KEY: &str = "tenant.shop";
    let (mut stage, entry) = set(KEY).await?;
    let bank = Tenant::make(&stage.engine, "bank").await?;
    let mut events = 1;
    for garbage in GARBAGE {
        registry(&stage).await?.put(KEY, garbage.into()).await?;
        for restarts in [false, true] {
            if restarts {
                stage.engine.restart(&Launch::on(&stage.cluster))?;
                stage.engine.ready().await?;
            }
            unreadable_entries(&stage, 1).await?;
            let shown = listed(&stage, "/v1/tenants", "shop").await?;
            assert_eq!(shown["state"], "unreadable", "{shown}");
            assert!(
                shown["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains(KEY)),
                "{shown}"
            );
            // Its token still says whose it is, and the answer is not that there is nothing.
            let own = stage.engine.own("GET", "pipelines", "").await?;
            assert_eq!(own.status, 409, "{own:?}");
            for (method, body) in [("PUT", r#"{"read":[],"write":[]}"#), ("DELETE", "")] {
                let refused = stage
                    .engine
                    .ask(method, "/v1/tenants/shop", OPERATOR, body)
                    .await?;
                assert_eq!(refused.status, 409, "{method}: {refused:?}");
            }
            // The others are not concerned.
            let others = bank.ask(&stage.engine, ("GET", "pipelines"), "").await?;
            assert_eq!(others.status, 200, "{others:?}");
        }
        registry(&stage).await?.put(KEY, entry.clone()).await?;
        unreadable_entries(&stage, 0).await?;
        events += 1;
        counts_on(&stage, events).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_not_deleted_over_a_pipeline_that_cannot_be_read() -> anyhow::Result<()> {
    const KEY: &str = "pipeline.shop.p";
    let (stage, entry) = set(KEY).await?;
    let other = stage.engine.own("DELETE", "pipelines/other", "").await?;
    assert_eq!(other.status, 204, "{other:?}");
    registry(&stage).await?.put(KEY, GARBAGE[0].into()).await?;
    unreadable_entries(&stage, 1).await?;
    let refused = stage
        .engine
        .ask("DELETE", "/v1/tenants/shop", OPERATOR, "")
        .await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text.contains('p'), "{refused:?}");
    registry(&stage).await?.put(KEY, entry).await?;
    counts_on(&stage, 2).await
}
