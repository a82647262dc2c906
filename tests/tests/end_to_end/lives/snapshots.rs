//! Data bears its owner's identity: state and snapshots of a life that has ended are never seen by another, by
//! whatever way they could come back.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::TryStreamExt as _;
use tailrace_nats::async_nats::jetstream::object_store::ObjectMetadata;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
    tenant::Tenant,
};
use tokio::io::AsyncReadExt as _;

use super::{counting_from_now, events_of};
use crate::{Stage, probe};

const SNAPSHOTS: &str = "tailrace_snapshots";

/// The snapshots of all lives: name, metadata, bytes.
type Stored = Vec<(String, BTreeMap<String, String>, Vec<u8>)>;

async fn stored(cluster: &Cluster) -> anyhow::Result<Stored> {
    let Ok(store) = cluster.jetstream.get_object_store(SNAPSHOTS).await else {
        return Ok(Vec::new());
    };
    let known: Vec<_> = store.list().await?.try_collect().await?;
    let mut found = Vec::new();
    for info in known {
        let mut bytes = Vec::new();
        store.get(&info.name).await?.read_to_end(&mut bytes).await?;
        found.push((info.name, info.metadata.into_iter().collect(), bytes));
    }
    Ok(found)
}

/// Puts snapshots there, as a deletion that was cut off in an earlier version left them.
async fn put_back(cluster: &Cluster, stored: &Stored) -> anyhow::Result<()> {
    let store = cluster.jetstream.get_object_store(SNAPSHOTS).await?;
    for (name, metadata, bytes) in stored {
        let metadata = ObjectMetadata {
            name: name.clone(),
            metadata: metadata.clone().into_iter().collect(),
            ..ObjectMetadata::default()
        };
        store.put(metadata, &mut bytes.as_slice()).await?;
    }
    Ok(())
}

/// The name that a snapshot had before there were lives: `<tenant>/<pipeline>/<partition>/<commit>`.
fn unnamed(name: &str) -> String {
    let words: Vec<_> = name.split('/').collect();
    [&words[..3], &words[4..]].concat().join("/")
}

/// One event after the other, so that each is a commit.
async fn one_by_one(stage: &Stage, pipeline: &str, events: Vec<String>, before: u64) -> anyhow::Result<()> {
    for (number, event) in (before + 1..).zip(events) {
        stage.cluster.publish("shop.events.x", [event]).await?;
        stage.engine.caught_up(pipeline, number).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_of_an_ended_life_are_never_restored_whatever_is_left_of_them() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let launch = Launch::on(&stage.cluster).with("TAILRACE_SNAPSHOTS__AFTER_COMMITS", "3");
    stage.engine.restart(&launch)?;
    stage.engine.ready().await?;
    stage.engine.apply("p", &counting_from_now("p")).await?;
    one_by_one(&stage, "p", events_of("old", 0..12).collect(), 0).await?;
    eventually("there are snapshots", || async {
        stored(&stage.cluster)
            .await
            .is_ok_and(|stored| !stored.is_empty())
    })
    .await?;
    let old = stored(&stage.cluster).await?;
    let shop = Tenant::shop(&stage.engine);
    shop.delete(&stage.engine, "p").await?;
    assert!(
        stored(&stage.cluster).await?.is_empty(),
        "a deleted pipeline leaves no snapshot"
    );

    stage.engine.apply("p", &counting_from_now("p")).await?;
    put_back(&stage.cluster, &old).await?;
    let from_before_lives = old
        .iter()
        .map(|(name, metadata, bytes)| (unnamed(name), metadata.clone(), bytes.clone()));
    put_back(&stage.cluster, &from_before_lives.collect()).await?;
    // As many commits as the old life had, and then its folder is lost: whatever has a matching number fits.
    one_by_one(&stage, "p", events_of("new", 0..12).collect(), 12).await?;
    stage.engine.kill();
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    stage.engine.restart(&launch)?;
    stage.engine.ready().await?;
    shop.comes_to(&stage.engine, "p", "running").await?;
    let mut wanted: Vec<_> = (0..12).map(|number| (format!("new-{number}"), 1)).collect();
    wanted.sort();
    assert_eq!(shop.counts(&stage.engine, "p").await?, wanted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_was_away_brings_nothing_of_an_ended_life_along() -> anyhow::Result<()> {
    const USERS: u64 = 60;
    let cluster = Cluster::start().await?;
    let folders = (tempfile::tempdir()?, tempfile::tempdir()?);
    // A death is noticed within a second or two.
    let launch = Launch::on(&cluster)
        .with("TAILRACE_ENGINES__RENEW_EVERY", "300ms")
        .with("TAILRACE_SNAPSHOTS__AFTER_COMMITS", "5");
    let mut first = Engine::start_with(&launch, folders.0.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    first.upload("probe", "tailrace_test_guest").await?;
    let mut second = Engine::start_with(&launch, folders.1.path()).await?;
    let spec = probe("p", 16, "").replace("  key:", "  start: new\n  key:");
    first.apply("p", &spec).await?;
    let shop = Tenant::shop(&first);
    let counts = async |engine: &Engine, prefix: &str, logs: String| {
        let mut wanted: Vec<_> = (0..USERS).map(|user| (format!("{prefix}-{user}"), 1)).collect();
        wanted.sort();
        let same = eventually("the state is that of this life alone", || async {
            shop.counts(engine, "p")
                .await
                .is_ok_and(|counts| counts == wanted)
        });
        same.await.with_context(|| logs)
    };
    cluster
        .publish("shop.events.x", events_of("old", 0..USERS))
        .await?;
    counts(&first, "old", first.log()).await?;
    // It dies with its share of the old life on its disk.
    second.kill();
    shop.delete(&first, "p").await?;
    first.apply("p", &spec).await?;
    cluster
        .publish("shop.events.x", events_of("new", 0..USERS))
        .await?;
    counts(&first, "new", first.log()).await?;

    second.restart(&launch)?;
    second.ready().await?;
    counts(&second, "new", second.log()).await?;
    first.kill();
    eventually("the engine that was away has all partitions", || async {
        let status = shop.status(&second, "p").await;
        let partitions = status["partitions"].as_array().cloned().unwrap_or_default();
        partitions.len() == 16 && partitions.iter().all(|partition| partition["owner"].is_null())
    })
    .await
    .with_context(|| second.log())?;
    counts(&second, "new", second.log()).await
}
