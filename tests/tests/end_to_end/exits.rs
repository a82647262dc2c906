//! Exits of states in which a pipeline waits for somebody, as docs/reference/states.md lists them: each is applied,
//! and the pipeline runs on with its state. Here are those that no other file has. Losses and moves of the input are
//! in `streams`, the own stream in `lives/own_stream`, grants in `lives/rights`.

use tailrace_tests::{engine::Launch, tenant::Tenant};

use crate::{Stage, probe};

/// A pipeline that has counted three events of a user.
async fn counting() -> anyhow::Result<Stage> {
    let stage = Stage::set().await?;
    stage.engine.apply("count", &probe("count", 1, "")).await?;
    publish(&stage, 3).await?;
    counts(&stage, 3).await?;
    Ok(stage)
}

async fn publish(stage: &Stage, events: usize) -> anyhow::Result<()> {
    let event = r#"{"user":"u","do":"count"}"#;
    stage.cluster.publish("shop.events.x", vec![event; events]).await
}

/// Waits until the user's count is this.
async fn counts(stage: &Stage, wanted: u64) -> anyhow::Result<()> {
    let shop = Tenant::shop(&stage.engine);
    let counted = tailrace_tests::cluster::eventually("the count is right", || async {
        let counts = shop.counts(&stage.engine, "count").await;
        counts.is_ok_and(|counts| counts == [("u".to_owned(), wanted)])
    });
    if let Err(cause) = counted.await {
        let status = stage.engine.status("count").await?;
        anyhow::bail!("{cause}: not {wanted}: {status:#}");
    }
    Ok(())
}

/// Starts the engine again; the pipeline is parked, and its reason says all of this.
async fn restarts_parked(stage: &mut Stage, says: &[&str]) -> anyhow::Result<()> {
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let shop = Tenant::shop(&stage.engine);
    let status = shop.comes_to(&stage.engine, "count", "parked").await?;
    let reason = status["reason"].as_str().unwrap_or_default();
    for part in says {
        anyhow::ensure!(reason.contains(part), "{part:?} is not in {reason:?}");
    }
    Ok(())
}

async fn resume(stage: &Stage, how: &str) -> anyhow::Result<()> {
    let path = format!("pipelines/count/resume{how}");
    let resumed = stage.engine.own("POST", &path, "").await?;
    anyhow::ensure!(resumed.status == 204, "{resumed:?}");
    let shop = Tenant::shop(&stage.engine);
    shop.comes_to(&stage.engine, "count", "running").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_was_made_anew_meanwhile_is_read_from_its_beginning() -> anyhow::Result<()> {
    let mut stage = counting().await?;
    stage.engine.kill();
    stage.cluster.jetstream.delete_stream("SHOP").await?;
    stage.cluster.stream("SHOP", &["shop.events.>"]).await?;
    publish(&stage, 2).await?;
    restarts_parked(&mut stage, &["made anew", "--from first"]).await?;
    resume(&stage, "?from=first").await?;
    counts(&stage, 5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_whose_bytes_are_gone_is_uploaded_again() -> anyhow::Result<()> {
    let mut stage = counting().await?;
    stage.engine.kill();
    let plugins = stage.cluster.jetstream.get_stream("OBJ_tailrace_plugins").await?;
    plugins.purge().await?;
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    publish(&stage, 1).await?;
    restarts_parked(
        &mut stage,
        &[
            "the bytes of plugin probe@1.0.0",
            "upload that version again",
            "tailrace pipeline resume",
        ],
    )
    .await?;
    stage.engine.upload("probe", "tailrace_test_guest").await?;
    resume(&stage, "").await?;
    counts(&stage, 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_commit_record_is_mended_by_the_stream_as_it_was() -> anyhow::Result<()> {
    let mut stage = counting().await?;
    assert_eq!(stage.engine.terminate().await?, 0);
    let own = stage.cluster.jetstream.get_stream("TR_shop_count").await?;
    let last = own.cached_info().state.last_sequence;
    // The engine would have to read what is no record.
    let commits = own.get_raw_message(last).await?.subject.to_string();
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    stage.cluster.publish(&commits, ["no record"]).await?;
    publish(&stage, 1).await?;
    let deletion = format!("nats stream rmm TR_shop_count {}", last + 1);
    restarts_parked(&mut stage, &[&deletion]).await?;
    own.delete_message(last + 1).await?;
    resume(&stage, "").await?;
    counts(&stage, 4).await
}

async fn push(stage: &Stage) -> anyhow::Result<()> {
    let schema = r#"{"format":"json-schema","schema":"{\"required\":[\"user\"]}"}"#;
    let pushed = stage.engine.own("POST", "schemas/event/versions", schema).await?;
    anyhow::ensure!(pushed.status == 201, "{pushed:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_gone_is_pushed_again_and_the_manifest_applied() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    push(&stage).await?;
    let manifest = probe("count", 1, "").replace("  key:", "  schema: { name: event }\n  key:");
    stage.engine.apply("count", &manifest).await?;
    publish(&stage, 3).await?;
    counts(&stage, 3).await?;
    // Nobody can delete it while the pipeline names it, but for an operator's hand.
    stage.engine.kill();
    let registry = stage.cluster.jetstream.get_key_value("tailrace_registry").await?;
    registry.purge("schema-version.shop.event.1").await?;
    publish(&stage, 1).await?;
    restarts_parked(
        &mut stage,
        &["no version 1 of schema event", "apply the manifest again"],
    )
    .await?;
    push(&stage).await?;
    stage.engine.apply("count", &manifest).await?;
    counts(&stage, 4).await
}
