//! Windows without code, as a tenant uses them: orders a minute per shop are told when the minute ends although the
//! input falls silent, each once, through a kill of the engine; what is open can be asked for.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::Launch};

use crate::Stage;

const PIPELINE: &str = r#"
name: orders
partitions: 2
input:
  subjects: ["shop.events.>"]
  key: { json: /shop }
  time: { json: /ts, unit: ms }
  watermark: { delay: 0s, idle: { after: 1s } }
windows:
  per-minute:
    over: { tumbling: 1m }
    by: { shop: { json: /shop } }
    aggregate:
      orders: count
      revenue: { sum: { json: /total } }
  visits:
    over: { session: 20s }
    aggregate: { orders: count }
output:
  subject: "shop.results.{window}.{key}"
"#;

/// Orders of each shop.
const ORDERS: u64 = 400;
const SHOPS: [&str; 3] = ["north", "south", "w/est"];

#[allow(
    clippy::disallowed_methods,
    reason = "the broker's clock is the system's, and the input falls silent by it"
)]
fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

async fn results(stage: &Stage, key: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let key = key.map(|key| format!("&key={key}")).unwrap_or_default();
    let path = format!("pipelines/orders/outputs?from=first&limit=500{key}");
    let answer = stage.engine.own("GET", &path, "").await?;
    let outputs = answer.body["outputs"].as_array().cloned().unwrap_or_default();
    Ok(outputs
        .into_iter()
        .map(|output| output["value"].clone())
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_a_minute_are_told_once_when_the_minute_ends_although_nothing_comes() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("orders", PIPELINE).await?;
    // A minute that ends 15 seconds from now, by the times of the events.
    let end_ms = now_ms()? / 60_000 * 60_000;
    let start_ms = end_ms - 60_000;
    let order = |shop: &str, number: u64| {
        json!({ "shop": shop, "ts": start_ms + number * 60_000 / ORDERS, "total": 0.1 }).to_string()
    };
    let orders = (0..ORDERS).flat_map(|number| SHOPS.map(|shop| order(shop, number)));
    stage.cluster.publish("shop.events.x", orders).await?;
    stage
        .engine
        .caught_up("orders", ORDERS * SHOPS.len() as u64)
        .await?;
    let open = stage
        .engine
        .own("GET", "pipelines/orders/windows/per-minute?group=north", "")
        .await?;
    assert_eq!(open.body["windows"][0]["events"], json!(ORDERS), "{}", open.text);
    assert_eq!(
        open.body["windows"][0]["result"]["revenue"],
        json!(40),
        "{}",
        open.text
    );
    assert_eq!(
        open.body["windows"].as_array().map(Vec::len),
        Some(1),
        "{}",
        open.text
    );
    stage.engine.kill();
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    eventually("the minute and the visits are told", || async {
        results(&stage, None)
            .await
            .is_ok_and(|results| results.len() >= 2 * SHOPS.len())
    })
    .await?;
    let found = results(&stage, None).await?;
    let minutes: Vec<_> = found
        .iter()
        .filter(|result| result["window"] == "per-minute")
        .collect();
    let mut shops: Vec<_> = minutes
        .iter()
        .filter_map(|result| result["shop"].as_str())
        .collect();
    shops.sort_unstable();
    assert_eq!(shops, SHOPS, "{found:?}");
    for minute in minutes {
        assert_eq!(
            (&minute["orders"], &minute["revenue"]),
            (&json!(ORDERS), &json!(40)),
            "{minute}"
        );
    }
    let visits = found.iter().filter(|result| result["window"] == "visits");
    assert!(
        visits.clone().all(|visit| visit["orders"] == json!(ORDERS)),
        "{found:?}"
    );
    assert_eq!(visits.count(), SHOPS.len(), "{found:?}");
    assert_eq!(results(&stage, Some("north")).await?.len(), 2);
    let answer = stage
        .engine
        .own("GET", "pipelines/orders/windows/none", "")
        .await?;
    assert_eq!(answer.status, 404, "{}", answer.text);
    let status = stage.engine.status("orders").await?;
    assert_eq!(status["stats"]["counts"]["windows_lost"], json!(0), "{status}");
    Ok(())
}
