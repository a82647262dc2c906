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
    // When the lease of the engine before ends, all start again, and so it is looked at again.
    let alone = || async {
        let list = shop.ask(engine, ("GET", "pipelines"), "").await;
        list.is_ok_and(|list| {
            let listed = list.body.as_array().into_iter().flatten();
            let parked = listed.filter(|listed| listed["state"] == "parked");
            parked.map(|listed| &listed["name"]).eq(["p"])
        })
    };
    eventually("the list says that it alone is parked", alone).await?;
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

/// Deletes the newest message of the pipeline's only commit subject.
async fn delete_newest_record(stage: &Stage) -> anyhow::Result<()> {
    let stream = stage.cluster.jetstream.get_stream("TR_shop_p").await?;
    let newest = stream
        .get_last_raw_message_by_subject("tr.shop.p.commit.0")
        .await?;
    anyhow::ensure!(stream.delete_message(newest.sequence).await?, "it is not deleted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_record_that_is_deleted_is_told_before_anything_is_published_twice() -> anyhow::Result<()> {
    let mut stage = set().await?;
    stage.engine.kill();
    delete_newest_record(&stage).await?;
    // What the local state knows is gone as well.
    std::fs::remove_dir_all(stage.engine.data_dir())?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let shop = Tenant::shop(&stage.engine);
    let status = shop.comes_to(&stage.engine, "p", "parked").await?;
    let reason = status["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("newest commit record") && reason.contains("--accept-repeats"),
        "{reason}"
    );
    let found = outputs(&stage.cluster, "p").await?;
    assert_eq!(found.len(), 30, "nothing came twice: {found:?}");
    let path = "pipelines/p/resume?accept-repeats=true";
    let resumed = stage.engine.own("POST", path, "").await?;
    assert_eq!(resumed.status, 204, "{resumed:?}");
    publish(&stage, 5).await?;
    stage.engine.caught_up("p", 35).await?;
    assert_eq!(shop.counts(&stage.engine, "p").await?, [("u".to_owned(), 35)]);
    let found = outputs(&stage.cluster, "p").await?;
    assert!(found.len() > 35, "some came again: {found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_life_was_taken_away_is_given_it_back() -> anyhow::Result<()> {
    let mut stage = set().await?;
    for is_running in [true, false] {
        if !is_running {
            stage.engine.kill();
        }
        let jetstream = &stage.cluster.jetstream;
        let stream = jetstream.get_stream("TR_shop_p").await?;
        let mut config = stream.cached_info().config.clone();
        let life = config.metadata.remove("tailrace.life");
        assert!(life.is_some(), "it bears one");
        jetstream.update_stream(config).await?;
        if !is_running {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
            stage.engine.ready().await?;
        }
        eventually("it is given back", || async {
            let stream = stage.cluster.jetstream.get_stream("TR_shop_p").await;
            stream.is_ok_and(|stream| {
                stream.cached_info().config.metadata.get("tailrace.life") == life.as_ref()
            })
        })
        .await?;
    }
    publish(&stage, 5).await?;
    stage.engine.caught_up("p", 35).await?;
    let found = outputs(&stage.cluster, "p").await?;
    assert_eq!(found.len(), 35, "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_outputs_end_with_an_error_that_names_the_stream_that_is_gone() -> anyhow::Result<()> {
    let stage = set().await?;
    let follow = Command::new(files::binary()?)
        .args(["outputs", "p", "--follow", "--from", "first"])
        .env("TAILRACE_URL", stage.engine.url())
        .env("TAILRACE_TENANT", "shop")
        .env("TAILRACE_TOKEN", &stage.engine.token)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    harm(&stage, Harm::Deleted).await?;
    let ended = tokio::task::spawn_blocking(|| follow.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{said}");
    assert!(
        said.contains("TR_shop_p") && said.contains("--new-stream"),
        "{said}"
    );
    for path in ["pipelines/p/outputs", "pipelines/p/dead-letters"] {
        let gone = stage.engine.own("GET", path, "").await?;
        assert_eq!(gone.status, 409, "{path}: {gone:?}");
        assert!(gone.text.contains("--new-stream"), "{path}: {gone:?}");
    }
    Ok(())
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
