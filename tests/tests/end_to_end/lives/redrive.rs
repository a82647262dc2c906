//! A dead letter is sent again once, however often that is asked and wherever it is cut off.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tailrace_tests::{cluster::eventually, engine::Launch};

use super::outputs;
use crate::{Stage, probe};

/// The event fails at its first try, and not at a second.
const FAILS_ONCE: &str = "    on-error: { retries: 0 }\n";
const GETS_THROUGH: &str = "    on-error: { retries: 3, backoff: 10ms }\n";

/// A pipeline with a dead letter, which gets through when it is sent again; gives its path.
async fn set() -> anyhow::Result<(Stage, String)> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, FAILS_ONCE)).await?;
    let event = json!({ "user": "u", "do": "transient" }).to_string();
    stage.cluster.publish("shop.events.x", [event]).await?;
    stage.engine.caught_up("p", 1).await?;
    let id = letters(&stage)
        .await?
        .first()
        .copied()
        .context("no dead letter")?;
    stage.engine.apply("p", &probe("p", 1, GETS_THROUGH)).await?;
    Ok((stage, format!("pipelines/p/dead-letters/{id}/redrive")))
}

async fn letters(stage: &Stage) -> anyhow::Result<Vec<u64>> {
    let page = stage.engine.own("GET", "pipelines/p/dead-letters", "").await?;
    let letters = page.body.as_array().cloned().unwrap_or_default();
    Ok(letters
        .iter()
        .filter_map(|letter| letter["id"].as_u64())
        .collect())
}

async fn processed_once(stage: &Stage) -> anyhow::Result<()> {
    eventually("the letter is processed", || async {
        outputs(&stage.cluster, "p")
            .await
            .is_ok_and(|outputs| !outputs.is_empty())
    })
    .await
    .with_context(|| stage.engine.log())?;
    // Another event, so that all that lay before it is through.
    let known = outputs(&stage.cluster, "p").await?;
    let after = format!("after-{}", known.len());
    let event = json!({ "user": after, "do": "count" }).to_string();
    stage.cluster.publish("shop.events.x", [event]).await?;
    eventually("an event after it is processed", || async {
        let outputs = outputs(&stage.cluster, "p").await.unwrap_or_default();
        outputs.iter().any(|(user, _)| *user == after)
    })
    .await
    .with_context(|| stage.engine.log())?;
    let outputs = outputs(&stage.cluster, "p").await?;
    let redriven: Vec<_> = outputs.iter().filter(|(user, _)| user == "u").collect();
    anyhow::ensure!(redriven == [&("u".to_owned(), 1)], "processed twice: {outputs:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_be_taken_away_is_processed_once_however_often_it_is_sent() -> anyhow::Result<()>
{
    let (mut stage, path) = set().await?;
    let stream = stage.cluster.jetstream.get_stream("TR_shop_p").await?;
    let mut config = stream.cached_info().config.clone();
    config.deny_delete = true;
    stage.cluster.jetstream.update_stream(config).await?;
    for restarts in [false, true] {
        for _ in 0..3 {
            let asked = stage.engine.own("POST", &path, "").await?;
            assert_ne!(asked.status, 404, "it still is there: {asked:?}");
        }
        processed_once(&stage).await?;
        if !restarts {
            stage.engine.restart(&Launch::on(&stage.cluster))?;
            stage.engine.ready().await?;
        }
    }
    assert_eq!(letters(&stage).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_engine_dies_while_it_is_sent_is_processed_once_when_it_is_sent_again()
-> anyhow::Result<()> {
    let (mut stage, path) = set().await?;
    let launch = Launch::on(&stage.cluster);
    stage
        .engine
        .restart(&launch.clone().with("TAILRACE_FAIL_AT", "redrive-sent:1"))?;
    stage.engine.ready().await?;
    let cut = stage.engine.own("POST", &path, "").await;
    assert!(cut.is_err(), "the engine died before it could answer: {cut:?}");
    stage.engine.restart(&launch)?;
    stage.engine.ready().await?;
    processed_once(&stage).await?;
    assert_eq!(letters(&stage).await?.len(), 1, "it lies among the letters still");
    let sent = stage.engine.own("POST", &path, "").await?;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert!(letters(&stage).await?.is_empty());
    processed_once(&stage).await?;
    let gone = stage.engine.own("POST", &path, "").await?;
    assert_eq!(gone.status, 404, "{gone:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_many_send_at_once_is_processed_once() -> anyhow::Result<()> {
    let (stage, path) = set().await?;
    let sent = (0..10).map(|_| stage.engine.own("POST", &path, ""));
    let all = tokio::time::timeout(Duration::from_mins(1), futures::future::join_all(sent));
    let mut sent = 0;
    for answer in all.await? {
        let answer = answer?;
        assert!(matches!(answer.status, 202 | 404 | 409), "{answer:?}");
        sent += u32::from(answer.body["sent"] == true);
    }
    assert_eq!(sent, 1, "one of them has sent it");
    processed_once(&stage).await
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_many_send_at_once_are_sent_and_nobody_is_told_of_a_race() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, FAILS_ONCE)).await?;
    let event = |number: u64| json!({ "user": format!("u{number}"), "do": "transient" }).to_string();
    stage.cluster.publish("shop.events.x", (0..12).map(event)).await?;
    stage.engine.caught_up("p", 12).await?;
    let found = letters(&stage).await?;
    assert_eq!(found.len(), 12);
    stage.engine.apply("p", &probe("p", 1, GETS_THROUGH)).await?;
    let sent = found.iter().map(async |letter| {
        let path = format!("pipelines/p/dead-letters/{letter}/redrive");
        stage.engine.own("POST", &path, "").await
    });
    for answer in futures::future::try_join_all(sent).await? {
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert!(letters(&stage).await?.is_empty());
    Ok(())
}
