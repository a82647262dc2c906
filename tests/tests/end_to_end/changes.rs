//! Pipelines that change, chain, stop and come back.

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::Engine};

use crate::{Stage, probe};

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_changed_under_load_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let spec = |label: u32| probe("swap", 2, &format!("    config: {{ label: \"r{label}\" }}\n"));
    stage.engine.apply("swap", &spec(0)).await?;
    let total = 6_000_u64;
    let load = stage.cluster.publish(
        "shop.events.x",
        (0..total).map(|n| json!({ "user": n % 20 }).to_string()),
    );
    let changes = async {
        for label in 1..=10 {
            assert_eq!(
                stage.engine.apply("swap", &spec(label)).await?,
                u64::from(label) + 1
            );
        }
        anyhow::Ok(())
    };
    let (loaded, changed) = tokio::join!(load, changes);
    loaded?;
    changed?;
    stage.engine.caught_up("swap", total).await?;
    let outputs = stage.cluster.read("TR_shop_swap", "shop.swap.*").await?;
    let mut sequences: Vec<u64> = Vec::new();
    for (_, payload) in &outputs {
        sequences.push(
            serde_json::from_slice::<Value>(payload)?["sequence"]
                .as_u64()
                .unwrap_or_default(),
        );
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=total).collect::<Vec<_>>());
    let back = stage
        .engine
        .own("POST", "pipelines/swap/rollback", json!({ "to": 1 }).to_string())
        .await?;
    assert_eq!(
        (back.status, &back.body["revision"]),
        (200, &json!(12)),
        "{back:?}"
    );
    stage
        .cluster
        .publish("shop.events.x", [json!({ "user": 1 }).to_string()])
        .await?;
    stage.engine.caught_up("swap", total + 1).await?;
    let pause = &stage.engine.status("swap").await?["stats"]["swap_pause"];
    assert!(pause["count"].as_u64() >= Some(1), "{pause}");
    assert!(pause["p99_us"].is_number(), "{pause}");
    let last = stage
        .cluster
        .read("TR_shop_swap", "shop.swap.1")
        .await?
        .pop()
        .unwrap_or_default();
    assert_eq!(
        serde_json::from_slice::<Value>(&last.1)?["label"],
        "r0",
        "the first revision is back"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_plugin_is_paused_between_two_of_its_events() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    // A batch of them, 950 events, takes minutes.
    let slow = "    limits: { fuel: 10000000000, deadline: 10s }\n";
    stage.engine.apply("slow", &probe("slow", 1, slow)).await?;
    let events = (0..2_000).map(|_| json!({ "user": "u", "do": "slow" }).to_string());
    stage.cluster.publish("shop.events.x", events).await?;
    let position = || async {
        let status = stage.engine.status("slow").await?;
        anyhow::Ok(status["partitions"][0]["position"].as_u64().unwrap_or_default())
    };
    // More than the commit that the first event waits for: those behind it are committed as they come.
    eventually("some of them are committed", || async {
        position().await.is_ok_and(|position| position > 5)
    })
    .await?;
    let paused = stage.engine.own("POST", "pipelines/slow/pause", "").await?;
    assert!(paused.status < 300, "{paused:?}");
    eventually("it is paused", || async {
        stage
            .engine
            .status("slow")
            .await
            .is_ok_and(|status| status["state"] == "paused")
    })
    .await?;
    assert!(position().await? < 900, "a batch was filled first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pipeline_feeds_another_by_its_subjects_alone() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("first", &probe("first", 2, "")).await?;
    let second = probe("second", 1, "")
        .replace("shop.events.>", "shop.first.*")
        .replace("/user", "/key");
    stage.engine.apply("second", &second).await?;
    stage
        .cluster
        .publish(
            "shop.events.x",
            (0..300).map(|n| json!({ "user": format!("u{}", n % 9) }).to_string()),
        )
        .await?;
    eventually("all has come through both", || async {
        stage
            .cluster
            .read("TR_shop_second", "shop.second.*")
            .await
            .is_ok_and(|outputs| outputs.len() == 300)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_commits_and_exits_with_0() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("drain", &probe("drain", 2, "")).await?;
    stage
        .cluster
        .publish(
            "shop.events.x",
            (0..4_000).map(|n| json!({ "user": n % 11 }).to_string()),
        )
        .await?;
    assert_eq!(stage.engine.terminate().await?, 0);
    let engine = Engine::start(&stage.cluster, stage.folder.path()).await?;
    engine.caught_up("drain", 4_000).await?;
    assert_eq!(
        stage.cluster.read("TR_shop_drain", "shop.drain.*").await?.len(),
        4_000
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pipeline_leaves_nothing_and_can_be_made_anew() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for _ in 0..2 {
        stage.engine.apply("gone", &probe("gone", 1, "")).await?;
        stage
            .cluster
            .publish("shop.events.x", [json!({ "user": "a" }).to_string()])
            .await?;
        eventually("it has processed", || async {
            stage
                .cluster
                .read("TR_shop_gone", "shop.gone.a")
                .await
                .is_ok_and(|outputs| !outputs.is_empty())
        })
        .await?;
        let first = stage.cluster.read("TR_shop_gone", "shop.gone.a").await?.remove(0);
        assert_eq!(
            serde_json::from_slice::<Value>(&first.1)?["count"],
            1,
            "no state of a life before"
        );
        let gone = stage.engine.own("DELETE", "pipelines/gone", "").await?;
        assert_eq!(gone.status, 204, "{gone:?}");
        assert_eq!(stage.engine.own("GET", "pipelines/gone", "").await?.status, 404);
    }
    Ok(())
}
