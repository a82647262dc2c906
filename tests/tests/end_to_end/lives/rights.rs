//! A right is looked at while it is used, not only when something begins: open streams end with their token, and a
//! pipeline runs only as far as its tenant's grants reach.

use std::time::Duration;

use serde_json::{Value, json};
use tailrace_core::tasks;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    cut::OpenRequest,
    engine::{Engine, Launch, OPERATOR},
    tenant::Tenant,
};

use super::event;
use crate::{Stage, probe};

async fn watchers(engine: &Engine, wanted: u64) -> anyhow::Result<()> {
    eventually("so many streams are watched", || async {
        let page = engine.ask("GET", "/metrics", OPERATOR, "").await;
        let line = format!("tailrace_watchers {wanted}");
        page.is_ok_and(|page| page.text.lines().any(|known| known == line))
    })
    .await
}

/// A token of tenant `shop` that may look.
async fn token(engine: &Engine, expires_in: Option<&str>) -> anyhow::Result<Value> {
    let mut wish = json!({ "scope": "read", "label": "watcher" });
    if let Some(span) = expires_in {
        wish["expires-in"] = json!(span);
    }
    let made = engine.own("POST", "tokens", wish.to_string()).await?;
    anyhow::ensure!(made.status == 201, "{made:?}");
    Ok(made.body)
}

/// Events without end, so that the streams are never silent.
fn busy(cluster: &Cluster) -> tokio::task::JoinHandle<()> {
    let jetstream = cluster.jetstream.clone();
    tasks::spawn(async move {
        loop {
            let sent = jetstream.publish("shop.events.x", event("u").into()).await;
            let Ok(sent) = sent else { return };
            if sent.await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

/// A tap and the lines of a pipeline, both open.
async fn watch(engine: &Engine, token: &Value) -> anyhow::Result<[OpenRequest; 2]> {
    let token = token["token"].as_str().unwrap_or_default();
    let of = |rest: &str| format!("/v1/tenants/shop/pipelines/p/{rest}");
    let tap = OpenRequest::send(engine, ("GET", &of("tap")), token, b"").await?;
    let lines = OpenRequest::send(engine, ("GET", &of("logs?follow=true")), token, b"").await?;
    Ok([tap, lines])
}

async fn end_with_a_reason(streams: [OpenRequest; 2]) -> anyhow::Result<()> {
    for stream in streams {
        let all = stream.to_the_end().await?;
        anyhow::ensure!(all.starts_with("HTTP/1.1 200"), "{all}");
        let ended = all.matches("event: ended").count();
        anyhow::ensure!(ended == 1 && all.contains("the token was revoked"), "{all}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_opened_ends_when_the_token_is_revoked() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    engine.apply("p", &probe("p", 1, "")).await?;
    let (revoked, stays) = (token(engine, None).await?, token(engine, None).await?);
    let (ended, open) = (watch(engine, &revoked).await?, watch(engine, &stays).await?);
    let busy = busy(&stage.cluster);
    watchers(engine, 4).await?;
    let path = format!("tokens/{}", revoked["id"].as_str().unwrap_or_default());
    assert_eq!(engine.own("DELETE", &path, "").await?.status, 204);
    end_with_a_reason(ended).await?;
    // The other token's go on.
    watchers(engine, 2).await?;
    drop(open);
    busy.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_opened_ends_when_the_token_ends() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    engine.apply("p", &probe("p", 1, "")).await?;
    let short = token(engine, Some("4s")).await?;
    let streams = watch(engine, &short).await?;
    let busy = busy(&stage.cluster);
    end_with_a_reason(streams).await?;
    busy.abort();
    Ok(())
}

/// Narrows one of the two grants, and widens it again; before, between and after the engine may be restarted.
async fn follows_its_grants(narrow: (&[&str], &[&str]), field: &str) -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    stage.cluster.publish("shop.events.x", [event("u")]).await?;
    stage.engine.caught_up("p", 1).await?;
    let shop = Tenant::shop(&stage.engine);
    for (round, restarts) in (1..).zip([false, true]) {
        shop.grant(&stage.engine, narrow.0, narrow.1).await?;
        if restarts {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
            stage.engine.ready().await?;
        }
        let parked = shop.comes_to(&stage.engine, "p", "parked").await?;
        let reason = parked["reason"].as_str().unwrap_or_default();
        assert!(
            reason.contains(field) && reason.contains("ask an operator"),
            "{reason}"
        );
        stage.cluster.publish("shop.events.x", [event("u")]).await?;
        // A change that the pipeline's run has seen after the event came; it has not taken it.
        shop.grant(&stage.engine, narrow.0, &[narrow.1, &["shop.more"]].concat())
            .await?;
        shop.comes_to(&stage.engine, "p", "parked").await?;
        let taken = stage.cluster.read("TR_shop_p", "shop.p.*").await?;
        assert_eq!(taken.len(), round, "it works outside of what is granted");
        shop.grant(&stage.engine, &["shop.>"], &["shop.>"]).await?;
        if restarts {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
            stage.engine.ready().await?;
        }
        // By itself, from where it was.
        stage.engine.caught_up("p", round as u64 + 1).await?;
        let counts = shop.counts(&stage.engine, "p").await?;
        assert_eq!(counts, [("u".to_owned(), round as u64 + 1)]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_reads_as_long_as_its_tenant_may_read() -> anyhow::Result<()> {
    follows_its_grants((&["shop.other.>"], &["shop.>"]), "input.subjects").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_writes_as_long_as_its_tenant_may_write() -> anyhow::Result<()> {
    follows_its_grants((&["shop.>"], &["shop.other.>"]), "output.subject").await
}
