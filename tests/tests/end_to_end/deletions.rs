//! State that is deleted by order, on a real broker: once, counted, whatever dies meanwhile, and a rebuild from the
//! broker comes to the same.

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
};

use crate::{Stage, probe};

const USERS: u64 = 1_200;

impl Stage {
    /// Orders a deletion of the probe's state; gives its number.
    async fn order(&self, keys: Value) -> anyhow::Result<u64> {
        let path = "pipelines/p/steps/probe/state-deletions";
        let ordered = self.engine.own("POST", path, keys.to_string()).await?;
        anyhow::ensure!(ordered.status == 202, "{ordered:?}");
        Ok(ordered.body["number"].as_u64().unwrap_or_default())
    }

    /// What a deletion has come to, once every partition has done it.
    async fn deleted(&self, number: u64) -> anyhow::Result<u64> {
        let path = format!("pipelines/p/state-deletions/{number}");
        eventually("the deletion is done", || async {
            let report = self.engine.own("GET", &path, "").await;
            report.is_ok_and(|report| report.body["done"] == true)
        })
        .await?;
        let report = self.engine.own("GET", &path, "").await?;
        Ok(report.body["entries"].as_u64().unwrap_or_default())
    }

    async fn held(&self) -> anyhow::Result<usize> {
        let path = "pipelines/p/steps/probe/state?limit=1000";
        let found = self.engine.own("GET", path, "").await?;
        Ok(found.body.as_array().map_or(0, Vec::len))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_deleted_once_and_counted_though_the_engine_dies() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 2, "")).await?;
    let users =
        |from: u64, to: u64| (from..to).map(|user| json!({ "user": format!("u{user:04}") }).to_string());
    stage.cluster.publish("shop.events.x", users(0, USERS)).await?;
    stage.engine.caught_up("p", USERS).await?;
    let number = stage.order(json!({ "key": "u0007" })).await?;
    assert_eq!(stage.deleted(number).await?, 1);
    let number = stage.order(json!({ "key": "u0007" })).await?;
    assert_eq!(stage.deleted(number).await?, 0, "it is gone");
    let number = stage.order(json!({ "prefix": "u" })).await?;
    stage.engine.kill();
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    assert_eq!(stage.deleted(number).await?, USERS - 1);
    assert_eq!(stage.held().await?, 0);
    // What comes after the order stays, also when all is read from the broker once more.
    stage.cluster.publish("shop.events.x", users(0, 5)).await?;
    stage.engine.caught_up("p", USERS + 5).await?;
    stage.engine.kill();
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    eventually("its state is there", || async {
        stage.held().await.is_ok_and(|held| held == 5)
    })
    .await?;
    assert_eq!(stage.deleted(number).await?, USERS - 1);
    let audit = stage.engine.ask("GET", "/v1/audit", OPERATOR, "").await?;
    let told = audit.body.to_string().matches("state-deleted").count();
    assert_eq!(told, 3, "{audit:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_engines_own_is_not_deleted_and_a_paused_pipeline_does_it_later() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    stage
        .cluster
        .publish("shop.events.x", [json!({ "user": "u" }).to_string()])
        .await?;
    stage.engine.caught_up("p", 1).await?;
    for (step, body, word) in [
        ("~dedup", json!({ "prefix": "" }), "the engine's own"),
        ("No", json!({ "prefix": "" }), "the step"),
        ("probe", json!({ "key": "x".repeat(2_000) }), "at most 1024 bytes"),
    ] {
        let path = format!("pipelines/p/steps/{step}/state-deletions");
        let refused = stage.engine.own("POST", &path, body.to_string()).await?;
        assert_eq!(refused.status, 422, "{step}: {refused:?}");
        assert!(
            refused.body["detail"].to_string().contains(word),
            "{step}: {refused:?}"
        );
    }
    stage.engine.own("POST", "pipelines/p/pause", "").await?;
    eventually("it is paused", || async {
        let status = stage.engine.status("p").await;
        status.is_ok_and(|status| status["state"] == "paused")
    })
    .await?;
    let number = stage.order(json!({ "prefix": "" })).await?;
    let path = format!("pipelines/p/state-deletions/{number}");
    let waits = stage.engine.own("GET", &path, "").await?;
    assert_eq!(waits.body["waiting"], json!([0]), "{waits:?}");
    stage.engine.own("POST", "pipelines/p/resume", "").await?;
    assert_eq!(stage.deleted(number).await?, 1);
    Ok(())
}
