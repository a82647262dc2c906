//! Joins without code, as a tenant uses them: clicks and the purchases within ten minutes of them, inner and left, each
//! row once, through kills of the engine; and two streams of which one is an hour late, with the same results whichever
//! comes first.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::Launch};

use crate::Stage;

const MINUTE_MS: u64 = 60_000;
/// The first click.
const BEGIN_MS: u64 = 1_795_860_000_000;
/// Behind all waits.
const END_MS: u64 = BEGIN_MS + 120 * MINUTE_MS;
const USERS: u64 = 60;
const CLICKS: u64 = 6;

/// User, time of the click, and time of the purchase, if any.
type Row = (u64, u64, Option<u64>);

fn pipeline(name: &str, kind: &str, (stream, clicks, purchases): (&str, &str, &str)) -> String {
    format!(
        r#"
name: {name}
partitions: 3
inputs:
  clicks: {{ subjects: ["{clicks}"] }}
  purchases: {{ subjects: ["{purchases}"], key: {{ json: /buyer }} }}
input:
  stream: {stream}
  key: {{ json: /user }}
  time: {{ json: /ts, unit: ms }}
  watermark: {{ delay: 1m, lag: 3h, ahead: any, idle: {{ after: 1s }} }}
joins:
  bought: {{ left: clicks, right: purchases, within: {{ after: 10m }}, kind: {kind} }}
output:
  subject: "shop.{name}.{{join}}.{{key}}"
"#
    )
}

/// Clicks of every user, seven minutes apart; and the last, behind which nothing is waited for.
fn clicks() -> impl Iterator<Item = (u64, u64)> {
    let clicks =
        (0..CLICKS).flat_map(|number| (0..USERS).map(move |user| (user, BEGIN_MS + number * 7 * MINUTE_MS)));
    clicks.chain([(USERS, END_MS)])
}

/// Every second user buys once, twelve minutes after the first click: within ten minutes of the second one only.
fn purchases() -> impl Iterator<Item = (u64, u64)> {
    let buyers = (0..USERS).filter(|user| user % 2 == 0);
    buyers
        .map(|user| (user, BEGIN_MS + 12 * MINUTE_MS))
        .chain([(USERS, END_MS)])
}

fn payloads(member: &str, events: impl Iterator<Item = (u64, u64)>) -> Vec<String> {
    events
        .map(|(user, at_ms)| json!({ member: user.to_string(), "ts": at_ms }).to_string())
        .collect()
}

fn expected(kind: &str) -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    for (user, click_ms) in clicks() {
        let near = purchases().filter(|(buyer, at_ms)| {
            *buyer == user && (click_ms..=click_ms + 10 * MINUTE_MS).contains(at_ms)
        });
        let near: Vec<_> = near.map(|(_, at_ms)| (user, click_ms, Some(at_ms))).collect();
        if near.is_empty() && kind == "left" {
            rows.insert((user, click_ms, None));
        }
        rows.extend(near);
    }
    rows
}

async fn rows(stage: &Stage, name: &str) -> anyhow::Result<Vec<Row>> {
    let path = format!("pipelines/{name}/outputs?from=first&limit=500");
    let answer = stage.engine.own("GET", &path, "").await?;
    let outputs = answer.body["outputs"].as_array().cloned().unwrap_or_default();
    let row = |output: &Value| {
        let row = &output["value"];
        let user = row["key"].as_str().and_then(|user| user.parse().ok());
        (
            user.unwrap_or(u64::MAX),
            row["left"]["ts"].as_u64().unwrap_or(0),
            row["right"]["ts"].as_u64(),
        )
    };
    Ok(outputs.iter().map(row).collect())
}

/// Waits until the pipeline has told all of its rows, each once.
async fn told(stage: &Stage, name: &str, kind: &str) -> anyhow::Result<()> {
    let expected = expected(kind);
    let all = eventually("all rows leave", || async {
        rows(stage, name)
            .await
            .is_ok_and(|rows| rows.len() >= expected.len())
    });
    if let Err(cause) = all.await {
        let status = stage.engine.status(name).await?;
        let rows = rows(stage, name).await?.len();
        anyhow::bail!("{cause}: {rows} of {} rows: {status:#}", expected.len());
    }
    let found = rows(stage, name).await?;
    assert_eq!(found.len(), expected.len(), "{name}: each row once");
    assert_eq!(BTreeSet::from_iter(found), expected, "{name}");
    let status = stage.engine.status(name).await?;
    assert_eq!(status["stats"]["counts"]["joins_lost"], json!(0), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_meet_the_purchases_within_ten_minutes_once_though_the_engine_is_killed() -> anyhow::Result<()>
{
    let mut stage = Stage::set().await?;
    let read = ("SHOP", "shop.events.click.*", "shop.events.purchase.*");
    for kind in ["inner", "left"] {
        stage.engine.apply(kind, &pipeline(kind, kind, read)).await?;
    }
    let bought = payloads("buyer", purchases());
    stage.cluster.publish("shop.events.purchase.a", bought).await?;
    let clicked = payloads("user", clicks());
    for part in clicked.chunks(clicked.len() / 3 + 1) {
        stage
            .cluster
            .publish("shop.events.click.a", part.iter().cloned())
            .await?;
        stage.engine.kill();
        stage.engine.restart(&Launch::on(&stage.cluster))?;
        stage.engine.ready().await?;
    }
    for kind in ["inner", "left"] {
        told(&stage, kind, kind).await?;
    }
    Ok(())
}

/// Makes two streams, and one that takes them in.
async fn streams(stage: &Stage, round: &str) -> anyhow::Result<()> {
    let (clicks, purchases) = (format!("shop.{round}.click"), format!("shop.{round}.purchase"));
    let made = [
        (format!("clicks-{round}"), json!({ "subjects": [clicks] })),
        (format!("purchases-{round}"), json!({ "subjects": [purchases] })),
        (
            format!("all-{round}"),
            json!({ "sources": [
                { "stream": format!("clicks-{round}"), "subject": clicks },
                { "stream": format!("purchases-{round}"), "subject": purchases },
            ] }),
        ),
    ];
    for (name, request) in made {
        let answer = stage
            .engine
            .own("PUT", &format!("streams/{name}"), request.to_string())
            .await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_streams_of_which_one_is_late_by_an_hour_make_the_same_rows_whichever_comes_first()
-> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for (round, clicks_first) in [("one", true), ("two", false)] {
        streams(&stage, round).await?;
        let (clicked, bought) = (format!("shop.{round}.click"), format!("shop.{round}.purchase"));
        let read = (format!("all-{round}"), &clicked, &bought);
        let text = pipeline(round, "left", (&read.0, read.1, read.2));
        stage.engine.apply(round, &text).await?;
        let mut parts = [
            (&clicked, payloads("user", clicks())),
            (&bought, payloads("buyer", purchases())),
        ];
        if !clicks_first {
            parts.reverse();
        }
        let mut sent = 0;
        for (subject, payloads) in parts {
            sent += payloads.len() as u64;
            stage.cluster.publish(subject, payloads).await?;
            // All of the first stream is processed before anything of the second is there.
            stage.engine.caught_up(round, sent).await?;
        }
        told(&stage, round, "left").await?;
    }
    let kept = stage.engine.own("DELETE", "streams/clicks-one", "").await?;
    assert_eq!(kept.status, 409, "{}", kept.text);
    assert!(kept.text.contains("stream all-one"), "{}", kept.text);
    let sources = json!({ "sources": [{ "stream": "SHOP", "subject": "other.>" }] });
    let answer = stage
        .engine
        .own("PUT", "streams/foreign", sources.to_string())
        .await?;
    assert_eq!(answer.status, 403, "{}", answer.text);
    Ok(())
}
