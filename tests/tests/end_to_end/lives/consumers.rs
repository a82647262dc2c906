//! What the broker has few of is not left behind: no consumer stays of what was done and is over.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    tenant::Tenant,
};

use crate::{Stage, probe};

/// How many consumers there are on each stream, by their names without the part that a consumer made in place of
/// another has anew.
async fn consumers(cluster: &Cluster) -> anyhow::Result<BTreeMap<(String, String), usize>> {
    let streams: Vec<String> = cluster.jetstream.stream_names().try_collect().await?;
    let mut found = BTreeMap::new();
    for name in streams {
        let stream = cluster.jetstream.get_stream(&name).await?;
        let names: Vec<String> = stream.consumer_names().try_collect().await?;
        for consumer in names {
            let kind = consumer
                .rsplit_once('_')
                .map_or(consumer.as_str(), |(kind, _)| kind);
            *found.entry((name.clone(), kind.to_owned())).or_default() += 1;
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_applies_leave_no_consumer_anywhere() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let spec = |label: u32| {
        let label = format!("    config: {{ label: \"r{label}\" }}\n");
        probe("p", 2, &label)
    };
    shop.apply(&stage.engine, "p", &spec(0)).await?;
    shop.comes_to(&stage.engine, "p", "running").await?;
    // It runs a moment before its own consumer is there.
    eventually("the pipeline reads", || async {
        let found = consumers(&stage.cluster).await;
        found.is_ok_and(|found| found.keys().any(|(stream, _)| stream == "SHOP"))
    })
    .await?;
    let before = consumers(&stage.cluster).await?;
    // Changed, and not.
    for round in 0..50 {
        shop.apply(&stage.engine, "p", &spec(round / 2)).await?;
    }
    let after = consumers(&stage.cluster).await?;
    // One that is made in place of another is there a moment before that one goes.
    let left: Vec<_> = after
        .iter()
        .filter(|(kind, count)| **count > before.get(*kind).map_or(0, |before| before + 1))
        .collect();
    assert!(left.is_empty(), "{left:?} before: {before:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_looks_and_restarts_leave_no_consumer_on_a_bucket_of_objects() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    shop.apply(&stage.engine, "p", &probe("p", 2, "")).await?;
    for _ in 0..3 {
        shop.upload(&stage.engine, "probe", "tailrace_test_guest").await?;
        shop.upload(&stage.engine, "chatty", "examples/chatty").await?;
        let looked = stage
            .engine
            .ask("GET", "/v1/doctor", tailrace_tests::engine::OPERATOR, "")
            .await?;
        assert_eq!(looked.status, 200, "{looked:?}");
        // Without its folder, an engine fetches every plugin anew.
        stage.engine.kill();
        std::fs::remove_dir_all(stage.engine.data_dir())?;
        stage
            .engine
            .restart(&tailrace_tests::engine::Launch::on(&stage.cluster))?;
        stage.engine.ready().await?;
        shop.comes_to(&stage.engine, "p", "running").await?;
        let found = consumers(&stage.cluster).await?;
        let left: Vec<_> = found
            .iter()
            .filter(|((stream, _), _)| stream.starts_with("OBJ_"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    Ok(())
}
