//! The truth of a pipeline lies in its own stream. Somebody deletes or purges it by hand, while it runs or while
//! the engine is away: it is parked, says so and says the way out. Nothing begins from zero in silence, and nobody
//! else is disturbed.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use tailrace_tests::{cluster::eventually, engine::Launch, files, tenant::Tenant};

use super::{event, outputs};
use crate::{Stage, probe};

/// What somebody does to the stream.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Deleted,
    Purged,
    /// It is there again under its name, with nothing in it.
    MadeAnew,
}

async fn harm(stage: &Stage, harm: Harm) -> anyhow::Result<()> {
    let jetstream = &stage.cluster.jetstream;
    let stream = jetstream.get_stream("TR_shop_p").await?;
    match harm {
        Harm::Deleted => {
            jetstream.delete_stream("TR_shop_p").await?;
        }
        Harm::Purged => drop(stream.purge().await?),
        Harm::MadeAnew => {
            let config = stream.cached_info().config.clone();
            jetstream.delete_stream("TR_shop_p").await?;
            jetstream.create_stream(config).await?;
        }
    }
    Ok(())
}

/// Two pipelines that count the same events, 30 by now.
async fn set() -> anyhow::Result<Stage> {
    let stage = Stage::set().await?;
    for name in ["p", "other"] {
        stage.engine.apply(name, &probe(name, 1, "")).await?;
    }
    publish(&stage, 30).await?;
    for name in ["p", "other"] {
        stage.engine.caught_up(name, 30).await?;
    }
    Ok(stage)
}

async fn publish(stage: &Stage, events: usize) -> anyhow::Result<()> {
    stage
        .cluster
        .publish("shop.events.x", vec![event("u"); events])
        .await
}

/// It is parked and says the way out; the engine is well, and the other pipeline goes on.
async fn is_parked_alone(stage: &Stage, published: u64) -> anyhow::Result<String> {
    let (engine, shop) = (&stage.engine, Tenant::shop(&stage.engine));
    let status = shop.comes_to(engine, "p", "parked").await?;
    let reason = status["reason"].as_str().unwrap_or_default().to_owned();
    anyhow::ensure!(reason.contains("--new-stream"), "no way out in {reason:?}");
    let ready = engine.ask("GET", "/readyz", "", "").await?;
    anyhow::ensure!(
        ready.status == 200,
        "one pipeline's trouble is its own: {ready:?}"
    );
    engine.caught_up("other", published).await?;
    let list = shop.ask(engine, ("GET", "pipelines"), "").await?;
    let parked = list.body.as_array().into_iter().flatten();
    let parked: Vec<_> = parked.filter(|listed| listed["state"] == "parked").collect();
    anyhow::ensure!(parked.len() == 1 && parked[0]["name"] == "p", "{list:?}");
    // Nothing was begun in its place.
    let nothing = outputs(&stage.cluster, "p").await.unwrap_or_default();
    anyhow::ensure!(nothing.is_empty(), "it began again by itself: {nothing:?}");
    Ok(reason)
}

/// Runs the command that the reason names, as its tenant would.
async fn take_the_way_out(stage: &Stage, reason: &str) -> anyhow::Result<()> {
    let (_, command) = reason.split_once("tailrace ").context("it names no command")?;
    let (command, _) = command.split_once(" (").context("it names no tenant")?;
    let done = Command::new(files::binary()?)
        .args(command.split(' '))
        .env("TAILRACE_URL", stage.engine.url())
        .env("TAILRACE_TENANT", "shop")
        .env("TAILRACE_TOKEN", &stage.engine.token)
        .output()?;
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    anyhow::ensure!(done.status.success(), "{command}: {said}");
    // From where its manifest says, which is the first event; each counts once.
    let (engine, shop) = (&stage.engine, Tenant::shop(&stage.engine));
    shop.comes_to(engine, "p", "running").await?;
    let all = stage.cluster.jetstream.get_stream("SHOP").await?;
    let all = all.cached_info().state.last_sequence;
    engine.caught_up("p", all).await?;
    let found = outputs(&stage.cluster, "p").await?;
    let wanted: Vec<_> = (1..=all).map(|count| ("u".to_owned(), count)).collect();
    anyhow::ensure!(found == wanted, "{found:?}");
    anyhow::ensure!(shop.counts(engine, "p").await? == [("u".to_owned(), all)]);
    Ok(())
}

async fn while_it_runs(done: Harm) -> anyhow::Result<()> {
    let stage = set().await?;
    harm(&stage, done).await?;
    publish(&stage, 5).await?;
    is_parked_alone(&stage, 35).await?;
    // A plain resume does not begin from zero either.
    let resumed = stage.engine.own("POST", "pipelines/p/resume", "").await?;
    assert!(resumed.status < 500, "{resumed:?}");
    let reason = is_parked_alone(&stage, 35).await?;
    take_the_way_out(&stage, &reason).await
}

async fn while_the_engine_is_away(done: Harm) -> anyhow::Result<()> {
    let mut stage = set().await?;
    stage.engine.kill();
    harm(&stage, done).await?;
    publish(&stage, 5).await?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    is_parked_alone(&stage, 35).await?;
    // Not even with its folder lost, which is the last that knows of a life before.
    stage.engine.kill();
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let reason = is_parked_alone(&stage, 35).await?;
    take_the_way_out(&stage, &reason).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_stream_is_deleted_while_it_runs_is_parked_with_a_way_out() -> anyhow::Result<()> {
    while_it_runs(Harm::Deleted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_stream_is_purged_while_it_runs_is_parked_with_a_way_out() -> anyhow::Result<()> {
    while_it_runs(Harm::Purged).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_stream_is_made_anew_while_it_runs_is_parked_with_a_way_out() -> anyhow::Result<()> {
    while_it_runs(Harm::MadeAnew).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_stream_is_deleted_while_the_engine_is_away_is_parked_with_a_way_out()
-> anyhow::Result<()> {
    while_the_engine_is_away(Harm::Deleted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_whose_stream_is_purged_while_the_engine_is_away_is_parked_with_a_way_out()
-> anyhow::Result<()> {
    while_the_engine_is_away(Harm::Purged).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_has_all_it_needs_does_not_throw_it_away() -> anyhow::Result<()> {
    let stage = set().await?;
    let path = "pipelines/p/resume?new-stream=true";
    let refused = stage.engine.own("POST", path, "").await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    publish(&stage, 1).await?;
    stage.engine.caught_up("p", 31).await?;
    let shop = Tenant::shop(&stage.engine);
    assert_eq!(shop.counts(&stage.engine, "p").await?, [("u".to_owned(), 31)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_out_that_fails_loses_no_manifest() -> anyhow::Result<()> {
    let stage = set().await?;
    harm(&stage, Harm::Deleted).await?;
    let shop = Tenant::shop(&stage.engine);
    shop.comes_to(&stage.engine, "p", "parked").await?;
    // Somebody else has the name by now, and keeps it.
    stage.cluster.stream("TR_shop_p", &["elsewhere.>"]).await?;
    let path = "pipelines/p/resume?new-stream=true";
    let refused = stage.engine.own("POST", path, "").await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    let shown = stage.engine.own("GET", "pipelines/p", "").await?;
    assert_eq!(
        shown.body["active"]["spec"]["name"],
        Value::from("p"),
        "the pipeline is still there: {shown:?}"
    );
    stage.cluster.jetstream.delete_stream("TR_shop_p").await?;
    eventually("the same way out works now", || async {
        let resumed = stage.engine.own("POST", path, "").await;
        resumed.is_ok_and(|resumed| resumed.status == 204)
    })
    .await?;
    stage.engine.caught_up("p", 30).await
}
