//! Timers against a real broker: a plugin that tells what a minute was when it ends.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::Launch};

use crate::Stage;

const PIPELINE: &str = r#"
name: minutes
input:
  subjects: ["shop.events.>"]
  key: { json: /user }
  time: { json: /ts }
  watermark: { delay: 0s, idle: { after: 1s } }
partitions: 2
steps:
  - name: count
    plugin: minutes@1.0.0
    config: { seconds: 10 }
    grants: [state, timers]
output:
  subject: "shop.minutes.{key}"
"#;
const LENGTH_MS: u64 = 10_000;

#[allow(
    clippy::disallowed_methods,
    reason = "the broker's clock is the system's, and so must the events' be"
)]
fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_tells_at_the_end_of_a_minute_although_the_input_is_silent_and_the_engine_was_killed()
-> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.upload("minutes", "minutes").await?;
    stage.engine.apply("minutes", PIPELINE).await?;
    let minute = now_ms()? / LENGTH_MS * LENGTH_MS;
    let event = |user: &str, at: u64| json!({ "user": user, "ts": minute + at }).to_string();
    let events = [event("ada", 1), event("bob", 2), event("ada", 3)];
    stage.cluster.publish("shop.events.x", events).await?;
    stage.engine.caught_up("minutes", 3).await?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let told = || stage.cluster.read("TR_shop_minutes", "shop.minutes.*");
    eventually("the minute is told", || async {
        told().await.is_ok_and(|outputs| outputs.len() >= 2)
    })
    .await?;
    let mut outputs: Vec<Value> = Vec::new();
    for (_, payload) in told().await? {
        outputs.push(serde_json::from_slice(&payload)?);
    }
    outputs.sort_by_key(|output| output["key"].to_string());
    assert_eq!(
        outputs,
        [
            json!({ "key": "ada", "minute": minute, "count": 2 }),
            json!({ "key": "bob", "minute": minute, "count": 1 }),
        ]
    );
    assert!(now_ms()? >= minute + LENGTH_MS, "not before its time");
    let status = stage.engine.status("minutes").await?;
    assert_eq!(status["stats"]["counts"]["timers"], 2, "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_sets_timers_needs_the_grant() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.upload("minutes", "minutes").await?;
    let ungranted = PIPELINE.replace("[state, timers]", "[state]");
    let answer = stage.engine.own("PUT", "pipelines/minutes", ungranted).await?;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("imports timers"), "{}", answer.text);
    assert!(answer.text.contains("grants: [state, timers]"), "{}", answer.text);
    Ok(())
}
