//! The walk of one event, and the order of many.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_tests::cluster::eventually;

use crate::{Stage, probe};

#[tokio::test(flavor = "multi_thread")]
async fn one_event_becomes_an_output_a_state_entry_and_a_position() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("walk", &probe("walk", 1, "")).await?;
    eventually("the status names the input before there is an event", || async {
        let status = stage.engine.status("walk").await;
        status.is_ok_and(|status| status["input"]["stream"] == "SHOP")
    })
    .await?;
    stage
        .cluster
        .publish("shop.events.click", [json!({ "user": "u.1" }).to_string()])
        .await?;
    stage.engine.caught_up("walk", 1).await?;
    let outputs = stage.cluster.read("TR_shop_walk", "shop.walk.*").await?;
    assert_eq!(outputs.len(), 1);
    assert_eq!(
        outputs[0].0, "shop.walk.u%2E1",
        "a key becomes one token, whatever it holds"
    );
    let answer: Value = serde_json::from_slice(&outputs[0].1)?;
    assert_eq!(
        answer,
        json!({ "key": "u.1", "count": 1, "sequence": 1, "label": "" })
    );
    let state = stage
        .engine
        .own("GET", "pipelines/walk/steps/probe/state/u.1", "")
        .await?;
    assert_eq!((state.status, state.text.as_str()), (200, "1"));
    let records = stage
        .cluster
        .read("TR_shop_walk", "tr.shop.walk.commit.0")
        .await?;
    assert_eq!(records.len(), 2, "the record that it began with, and one commit");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_keep_their_order_in_four_partitions_through_a_restart_of_the_broker()
-> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("order", &probe("order", 4, "")).await?;
    let event = |number: u64| json!({ "user": format!("u{}", number % 50) }).to_string();
    stage
        .cluster
        .publish("shop.events.click", (0..3_000).map(event))
        .await?;
    stage.cluster.restart().await?;
    stage
        .cluster
        .publish("shop.events.click", (3_000..5_000).map(event))
        .await?;
    stage.engine.caught_up("order", 5_000).await?;
    eventually("all outputs are there", || async {
        stage
            .cluster
            .read("TR_shop_order", "shop.order.*")
            .await
            .is_ok_and(|outputs| outputs.len() >= 5_000)
    })
    .await?;
    let mut last: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let outputs = stage.cluster.read("TR_shop_order", "shop.order.*").await?;
    assert_eq!(outputs.len(), 5_000, "nothing lost, nothing doubled");
    for (_, payload) in outputs {
        let answer: Value = serde_json::from_slice(&payload)?;
        let key = answer["key"].as_str().unwrap_or_default().to_owned();
        let now = (
            answer["count"].as_u64().unwrap_or(0),
            answer["sequence"].as_u64().unwrap_or(0),
        );
        let before = last.insert(key, now).unwrap_or((0, 0));
        assert!(
            now.0 == before.0 + 1 && now.1 > before.1,
            "{before:?} then {now:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_mode_delivers_where_nothing_dies() -> anyhow::Result<()> {
    // A backlog of several batches in each partition.
    const EVENTS: u64 = 5_000;
    let stage = Stage::set().await?;
    stage
        .cluster
        .publish(
            "shop.events.click",
            (0..EVENTS).map(|n| json!({ "user": n % 7 }).to_string()),
        )
        .await?;
    for mode in ["exactly-once", "at-least-once", "at-most-once"] {
        let spec = format!("{}delivery: {mode}\n", probe(mode, 2, ""));
        stage.engine.apply(mode, &spec).await?;
        stage.engine.caught_up(mode, EVENTS).await?;
        eventually("all outputs are there", || async {
            stage
                .cluster
                .read(&format!("TR_shop_{mode}"), &format!("shop.{mode}.*"))
                .await
                .is_ok_and(|outputs| outputs.len() as u64 == EVENTS)
        })
        .await?;
    }
    Ok(())
}
