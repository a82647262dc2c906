//! A revision beside the active one: as a shadow that is compared, as a canary that is taken back by
//! itself, and promoted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, http::Answer};

use crate::{Stage, probe};

const USERS: u64 = 40;

fn labelled(name: &str, label: &str, more: &str) -> String {
    probe(name, 2, &format!("    config: {{ label: \"{label}\" }}\n{more}"))
}

async fn publish(stage: &Stage, events: u64, act: &str) -> anyhow::Result<()> {
    let events = (0..events).map(|n| json!({ "user": format!("u{}", n % USERS), "do": act }).to_string());
    stage.cluster.publish("shop.events.x", events).await
}

/// Waits until so many events are committed, over all partitions.
async fn done(stage: &Stage, name: &str, events: u64) -> anyhow::Result<()> {
    eventually("all events are committed", || async {
        let status = stage.engine.status(name).await.unwrap_or_default();
        status["stats"]["counts"]["events"] == events
    })
    .await
}

async fn outputs(stage: &Stage, name: &str) -> anyhow::Result<Vec<Value>> {
    let stored = stage
        .cluster
        .read(&format!("TR_shop_{name}"), &format!("shop.{name}.*"))
        .await?;
    let outputs = stored.iter().map(|(_, payload)| serde_json::from_slice(payload));
    Ok(outputs.collect::<Result<_, _>>()?)
}

async fn beside(stage: &Stage, name: &str, how: &str, spec: &str) -> anyhow::Result<Answer> {
    stage
        .engine
        .own("PUT", &format!("pipelines/{name}?{how}"), spec.to_owned())
        .await
}

async fn candidate(stage: &Stage, name: &str) -> anyhow::Result<Value> {
    let path = format!("pipelines/{name}/candidate");
    Ok(stage.engine.own("GET", &path, "").await?.body)
}

/// Each user's counter goes up by one from message to message, whichever revision made it.
fn assert_counters_are_whole(outputs: &[Value]) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for output in outputs {
        let count = counts
            .entry(output["key"].as_str().unwrap_or_default())
            .or_default();
        *count += 1;
        assert_eq!(output["count"], *count, "{output}");
    }
}

fn labels(outputs: &[Value]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for output in outputs {
        let key = output["key"].as_str().unwrap_or_default();
        labels
            .entry(key)
            .or_default()
            .insert(output["label"].as_str().unwrap_or_default());
    }
    labels
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_compared_event_by_event_and_nothing_of_it_is_published() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage
        .engine
        .apply("looked", &labelled("looked", "r1", ""))
        .await?;
    publish(&stage, 200, "count").await?;
    done(&stage, "looked", 200).await?;
    let begun = beside(&stage, "looked", "shadow=true", &labelled("looked", "r2", "")).await?;
    assert_eq!(
        (begun.status, &begun.body["revision"]),
        (200, &json!(2)),
        "{begun:?}"
    );
    publish(&stage, 300, "count").await?;
    publish(&stage, 100, "invalid").await?;
    done(&stage, "looked", 600).await?;
    let found = candidate(&stage, "looked").await?;
    assert_eq!(
        (&found["active_revision"], &found["candidate"]["mode"]),
        (&json!(1), &json!("shadow"))
    );
    let found = &found["found"];
    assert_eq!(found["compared"], 400, "{found}");
    // The labels differ; the counters do not, for the shadow's state goes on from the active one's.
    assert_eq!(found["differences"], json!({ "payload": 300 }), "{found}");
    let example = &found["examples"][0];
    let (active, shadow) = (
        &example["active"]["payload"]["text"],
        &example["candidate"]["payload"]["text"],
    );
    let without = |text: &Value, label: &str| text.as_str().unwrap_or_default().replace(label, "");
    assert_eq!(without(active, "r1"), without(shadow, "r2"), "{example}");
    assert_eq!(found["candidate"]["codes"], json!({ "told-so": 100 }), "{found}");
    let published = outputs(&stage, "looked").await?;
    assert!(published.iter().all(|output| output["label"] == "r1"));
    assert_eq!(published.len(), 500);
    let promoted = stage
        .engine
        .own("POST", "pipelines/looked/candidate/promote", "")
        .await?;
    assert_eq!(
        (promoted.status, &promoted.body["revision"]),
        (200, &json!(2)),
        "{promoted:?}"
    );
    publish(&stage, 80, "count").await?;
    done(&stage, "looked", 680).await?;
    let published = outputs(&stage, "looked").await?;
    assert_counters_are_whole(&published);
    assert!(published[500..].iter().all(|output| output["label"] == "r2"));
    let back = stage
        .engine
        .own("POST", "pipelines/looked/rollback", "{}")
        .await?;
    assert_eq!(
        (back.status, &back.body["revision"]),
        (200, &json!(3)),
        "{back:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_is_taken_back_by_itself() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("bad", &labelled("bad", "r1", "")).await?;
    // With so little fuel every event of it traps.
    let starved = labelled("bad", "r2", "    limits: { fuel: 1000 }\n");
    let how = "canary=30%25&max-error-ratio=0.01&min-events=10";
    let begun = beside(&stage, "bad", how, &starved).await?;
    assert_eq!(begun.status, 200, "{begun:?}");
    publish(&stage, 2_000, "count").await?;
    eventually("it is taken back", || async {
        let found = candidate(&stage, "bad").await;
        found.is_ok_and(|found| found["candidate"].is_null() && found["last_candidate"]["revision"] == 2)
    })
    .await?;
    let status = stage.engine.status("bad").await?;
    let reason = status["last_candidate"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("failed or were rejected"), "{status}");
    let audited = stage.engine.own("GET", "audit", "").await?;
    assert!(audited.text.contains("candidate-ended"), "{audited:?}");
    done(&stage, "bad", 2_000).await?;
    publish(&stage, 400, "count").await?;
    done(&stage, "bad", 2_400).await?;
    let published = outputs(&stage, "bad").await?;
    let letters = stage.engine.status("bad").await?["dead_letters"]
        .as_u64()
        .unwrap_or_default();
    assert!(letters >= 10, "{letters} dead letters");
    assert_eq!(
        published.len() as u64 + letters,
        2_400,
        "every event came to something once"
    );
    assert_counters_are_whole(&published);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_its_keys_to_itself_until_it_is_promoted() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("good", &labelled("good", "r1", "")).await?;
    let begun = beside(
        &stage,
        "good",
        "canary=50%25&max-p99=10s",
        &labelled("good", "r2", ""),
    )
    .await?;
    assert_eq!(begun.status, 200, "{begun:?}");
    publish(&stage, 1_200, "count").await?;
    done(&stage, "good", 1_200).await?;
    let published = outputs(&stage, "good").await?;
    assert_counters_are_whole(&published);
    let by_key = labels(&published);
    assert!(
        by_key.values().all(|labels| labels.len() == 1),
        "a key is on one side: {by_key:?}"
    );
    let own = by_key.values().filter(|labels| labels.contains("r2")).count();
    assert!((5..35).contains(&own), "{own} of {USERS} keys are the canary's");
    let refused = beside(
        &stage,
        "good",
        "canary=5%25",
        &labelled("good", "r3", "    state-version: 2\n"),
    )
    .await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    let promoted = stage
        .engine
        .own("POST", "pipelines/good/candidate/promote", "")
        .await?;
    assert_eq!(promoted.status, 200, "{promoted:?}");
    publish(&stage, 120, "count").await?;
    done(&stage, "good", 1_320).await?;
    let published = outputs(&stage, "good").await?;
    assert_counters_are_whole(&published);
    assert!(published[1_200..].iter().all(|output| output["label"] == "r2"));
    Ok(())
}
