//! What earlier versions have stored is read by the present engine: the registry's entries, commit records and
//! snapshots, with its local folder gone. It goes on where they were, and everything can be done with it.

use serde_json::Value;
use tailrace_tests::{
    cluster::eventually,
    engine::{Engine, OPERATOR},
    inventory::{self, Expected},
    stored::{self, COUNT, EVENTS, PAUSED, Stored, USERS, VERSIONS},
};

async fn count(engine: &Engine, pipeline: &str, user: u64) -> Option<u64> {
    let path = format!("pipelines/{pipeline}/steps/probe/state/u{user}");
    engine.own("GET", &path, "").await.ok()?.text.parse().ok()
}

/// Waits until each user's count is this.
async fn counted(engine: &Engine, pipeline: &str, wanted: u64) -> anyhow::Result<()> {
    for user in 0..USERS {
        let known = || async { count(engine, pipeline, user).await == Some(wanted) };
        if let Err(cause) = eventually("the count is right", known).await {
            let found = count(engine, pipeline, user).await;
            let status = engine.status(pipeline).await?;
            anyhow::bail!(
                "{cause}: {pipeline} u{user}: {found:?}, not {wanted}: {status:#}\n{}",
                engine.log()
            );
        }
    }
    Ok(())
}

/// The counts in the outputs of a user, in order.
async fn outputs(stored: &Stored, pipeline: &str, user: u64) -> anyhow::Result<Vec<u64>> {
    let stream = format!("TR_shop_{pipeline}");
    let messages = stored
        .cluster
        .read(&stream, &format!("shop.{pipeline}.u{user}"))
        .await?;
    let payloads = messages
        .iter()
        .map(|(_, payload)| serde_json::from_slice::<Value>(payload));
    payloads
        .map(|payload| Ok(payload?["count"].as_u64().unwrap_or(0)))
        .collect()
}

async fn state(engine: &Engine, pipeline: &str) -> String {
    let status = engine.status(pipeline).await.unwrap_or_default();
    status["state"].as_str().unwrap_or_default().to_owned()
}

async fn is_read(version: &str) -> anyhow::Result<()> {
    let stored = stored::open(version).await?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::start(&stored.cluster, folder.path()).await?;
    // The token that the version before has given.
    engine.token = stored.meaning["token"].as_str().unwrap_or_default().to_owned();
    eventually("the pipeline runs", || async {
        state(&engine, COUNT).await == "running"
    })
    .await?;
    assert_eq!(
        engine.status(COUNT).await?["revision"],
        stored.meaning["revision"]
    );
    counted(&engine, COUNT, EVENTS).await?;
    assert_eq!(state(&engine, PAUSED).await, "paused");
    let letters = engine
        .own("GET", &format!("pipelines/{COUNT}/dead-letters"), "")
        .await?;
    assert_eq!(letters.body.as_array().map(Vec::len), Some(1), "{letters:?}");
    // An event that comes again is known. The window of those that are stored has ended since they were stored.
    for _ in 0..2 {
        stored
            .cluster
            .publish("shop.events.x", stored::round(EVENTS))
            .await?;
    }
    counted(&engine, COUNT, EVENTS + 1).await?;
    let resumed = engine
        .own("POST", &format!("pipelines/{PAUSED}/resume"), "")
        .await?;
    assert!(resumed.status < 300, "{resumed:?}");
    counted(&engine, PAUSED, EVENTS + 1).await?;
    for pipeline in [COUNT, PAUSED] {
        for user in 0..USERS {
            let wanted: Vec<u64> = (1..=EVENTS + 1).collect();
            assert_eq!(
                outputs(&stored, pipeline, user).await?,
                wanted,
                "{pipeline} u{user}"
            );
        }
    }
    // Back to the revision that the version before has made.
    let changed = stored::manifest(COUNT).replace("retries: 0", "retries: 1");
    assert_ne!(engine.apply(COUNT, &changed).await?, stored.meaning["revision"]);
    let back = engine
        .own("POST", &format!("pipelines/{COUNT}/rollback"), "")
        .await?;
    assert!(back.status < 300, "{back:?}");
    stored
        .cluster
        .publish("shop.events.x", stored::round(EVENTS + 1))
        .await?;
    counted(&engine, COUNT, EVENTS + 2).await?;
    for pipeline in [COUNT, PAUSED] {
        let deleted = engine.own("DELETE", &format!("pipelines/{pipeline}"), "").await?;
        assert!(deleted.status < 300, "{deleted:?}");
    }
    let gone = engine.ask("DELETE", "/v1/tenants/shop", OPERATOR, "").await?;
    assert!(gone.status < 300, "{gone:?}");
    let expected = Expected {
        streams: vec!["SHOP".to_owned()],
        watches: inventory::watches(&stored.cluster).await?,
    };
    inventory::all_is_owned(&stored.cluster, &engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_earlier_versions_have_stored_is_read_and_gone_on_with() -> anyhow::Result<()> {
    for version in VERSIONS {
        is_read(version).await?;
    }
    Ok(())
}
