//! What the broker has few of is not left behind: no consumer stays of what was done and is over.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use tailrace_tests::{cluster::Cluster, tenant::Tenant};

use crate::{Stage, probe};

/// Every consumer of every stream.
async fn consumers(cluster: &Cluster) -> anyhow::Result<BTreeSet<(String, String)>> {
    let streams: Vec<String> = cluster.jetstream.stream_names().try_collect().await?;
    let mut found = BTreeSet::new();
    for name in streams {
        let stream = cluster.jetstream.get_stream(&name).await?;
        let names: Vec<String> = stream.consumer_names().try_collect().await?;
        found.extend(names.into_iter().map(|consumer| (name.clone(), consumer)));
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
    let before = consumers(&stage.cluster).await?;
    // Changed, and not.
    for round in 0..50 {
        shop.apply(&stage.engine, "p", &spec(round / 2)).await?;
    }
    let after = consumers(&stage.cluster).await?;
    let left: Vec<_> = after.difference(&before).collect();
    assert!(left.is_empty(), "{left:?}");
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
            .filter(|(stream, _)| stream.starts_with("OBJ_"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    Ok(())
}
