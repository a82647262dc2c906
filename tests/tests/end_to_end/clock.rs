//! The clock of an input, as a tenant sees it: what is late and what is not believed goes where the manifest says,
//! and status, metrics and command line tell.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tailrace_tests::cluster::eventually;

use crate::{Stage, probe};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

#[allow(
    clippy::disallowed_methods,
    reason = "the broker's clock is the system's, and events are ahead of it or behind"
)]
fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_clock_is_told_and_moves_nothing_and_what_is_late_goes_where_the_manifest_says()
-> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let rules = "  time: { json: /ts }\n  watermark: { per: { json: /user }, lag: 10m, late: dead-letter }\n";
    let pipeline = probe("p", 2, "").replace(
        "  key: { json: /user }\n",
        &format!("  key: {{ json: /user }}\n{rules}"),
    );
    stage.engine.apply("p", &pipeline).await?;
    let now_ms = now_ms()?;
    let event = |user: &str, ts: u64| json!({ "user": user, "ts": ts }).to_string();
    let events = [
        event("slow", now_ms - 5 * MINUTE),
        event("quick", now_ms),
        event("fast", now_ms + DAY),
        event("slow", now_ms - 4 * MINUTE),
        event("slow", now_ms - 8 * MINUTE),
    ];
    stage.cluster.publish("shop.events.x", events).await?;
    stage.engine.caught_up("p", 5).await?;
    let status = stage.engine.status("p").await?;
    let counts = &status["stats"]["counts"];
    assert_eq!(
        (&counts["ahead"], &counts["late"]),
        (&json!(1), &json!(1)),
        "{status}"
    );
    assert!(status["stats"]["times"]["ahead_example"].is_string(), "{status}");
    let clock = &status["input"]["clock"];
    assert_eq!(
        clock["watermark_ms"],
        json!(now_ms - 4 * MINUTE - 5_000),
        "{clock}"
    );
    assert_eq!(clock["latest_ms"], json!(now_ms), "{clock}");
    assert_eq!(clock["sources"][0]["source"], json!("slow"), "{clock}");
    assert!(
        clock["held_by"]
            .as_str()
            .is_some_and(|held| held.contains("slow")),
        "{clock}"
    );
    let answer = stage.engine.own("GET", "pipelines/p/dead-letters", "").await?;
    let letters = answer.body.as_array().cloned().unwrap_or_default();
    let mut codes: Vec<_> = letters
        .iter()
        .filter_map(|letter| letter["code"].as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["ahead", "late"]);
    // Sent again, they are processed: no second judgement of a time that has passed.
    for letter in &letters {
        let path = format!("pipelines/p/dead-letters/{}/redrive", letter["id"]);
        assert_eq!(stage.engine.own("POST", &path, "").await?.status, 202);
    }
    eventually("the letters are processed", || async {
        let state = stage.engine.own("GET", "pipelines/p/steps/probe/state", "").await;
        state.is_ok_and(|state| state.text.contains("\"fast\""))
    })
    .await?;
    Ok(())
}
