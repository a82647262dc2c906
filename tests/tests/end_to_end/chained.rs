//! A pipeline with windows behind one of four partitions: it waits for each of them by what its messages carry, although
//! they work a backlog off side by side.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_tests::cluster::eventually;

use crate::Stage;

const FIRST: &str = r#"
name: paid
partitions: 4
input:
  subjects: ["shop.events.>"]
  key: { json: /shop }
  time: { json: /ts, unit: ms }
  watermark: { delay: 0s, idle: { advance: hold } }
output:
  subject: "shop.paid.{key}"
"#;

const SECOND: &str = r#"
name: totals
partitions: 2
input:
  subjects: ["shop.paid.*"]
  key: { json: /shop }
  time: { json: /ts, unit: ms }
  watermark: { delay: 0s, lag: 1d, idle: { advance: hold } }
windows:
  w:
    over: { tumbling: 10s }
    aggregate: { n: count }
output:
  subject: "shop.totals.{key}"
"#;

const BEGIN_MS: u64 = 1_700_000_000_000;
const SHOPS: u64 = 40;
const EVENTS: u64 = 20_000;
const APART_MS: u64 = 10;

fn event(shop: u64, at: u64) -> String {
    json!({ "shop": format!("s{shop}"), "ts": BEGIN_MS + at }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_four_partitions_nothing_is_late_and_every_window_is_whole() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let events = (0..EVENTS).map(|number| event(number * 7 % SHOPS, number * APART_MS));
    // The last event of each shop ends all windows before it.
    let last = (0..SHOPS).map(|shop| event(shop, 7_200_000));
    stage.cluster.publish("shop.events.x", events.chain(last)).await?;
    stage.engine.apply("paid", FIRST).await?;
    stage.engine.apply("totals", SECOND).await?;
    let mut told = BTreeMap::new();
    let whole = || async {
        let results = stage.cluster.read("TR_shop_totals", "shop.totals.*").await;
        let counts = results.unwrap_or_default().into_iter();
        let counts =
            counts.filter_map(|(_, payload)| serde_json::from_slice::<Value>(&payload).ok()?["n"].as_u64());
        counts.sum::<u64>() >= EVENTS
    };
    let ended = eventually("all windows are told", whole).await;
    let status = stage.engine.status("totals").await?;
    if let Err(cause) = ended {
        anyhow::bail!("{cause:#}\n{status:#}");
    }
    for (_, payload) in stage.cluster.read("TR_shop_totals", "shop.totals.*").await? {
        let result: Value = serde_json::from_slice(&payload)?;
        let window = (result["key"].to_string(), result["end"].to_string());
        let n = result["n"].as_u64().unwrap_or_default();
        assert_eq!(told.insert(window, n), None, "a window is told twice: {result}");
    }
    assert_eq!(told.values().sum::<u64>(), EVENTS);
    let counts = &status["stats"]["counts"];
    assert_eq!(
        (&counts["late"], &counts["window_late"]),
        (&json!(0), &json!(0)),
        "{status}"
    );
    let sources = status["input"]["clock"]["sources"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut names: Vec<_> = sources
        .iter()
        .map(|source| source["source"].to_string())
        .collect();
    names.sort();
    let wanted: Vec<_> = (0..4).map(|number| format!("\"partition {number}\"")).collect();
    assert_eq!(names, wanted, "{status:#}");
    Ok(())
}
