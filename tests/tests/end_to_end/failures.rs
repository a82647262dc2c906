//! Events that fail, in every way that there is.

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_tests::cluster::eventually;

use crate::{Stage, probe};

fn event(act: &str) -> String {
    json!({ "user": "u1", "do": act }).to_string()
}

async fn codes(stage: &Stage, pipeline: &str) -> anyhow::Result<Vec<String>> {
    let letters = stage
        .engine
        .own("GET", &format!("pipelines/{pipeline}/dead-letters"), "")
        .await?;
    let code = |letter: &Value| letter["code"].as_str().unwrap_or_default().to_owned();
    Ok(letters.body.as_array().into_iter().flatten().map(code).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_events_leave_dead_letters_and_nothing_else() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let policy =
        "    on-error: { retries: 2, backoff: 10ms }\n    limits: { deadline: 30ms, fuel: 1000000000 }\n";
    stage.engine.apply("fails", &probe("fails", 1, policy)).await?;
    let acts = [
        "count",
        "invalid",
        "transient",
        "trap",
        "count",
        "loop",
        "drop",
        "count",
    ];
    stage
        .cluster
        .publish("shop.events.x", acts.iter().map(|act| event(act)))
        .await?;
    stage.engine.caught_up("fails", 8).await?;
    assert_eq!(codes(&stage, "fails").await?, ["told-so", "crash", "deadline"]);
    let outputs = stage.cluster.read("TR_shop_fails", "shop.fails.*").await?;
    let counts: Vec<_> = outputs
        .iter()
        .map(|(_, payload)| serde_json::from_slice::<Value>(payload).map(|v| v["count"].as_u64()))
        .collect::<Result<_, _>>()?;
    // What failed was taken back; what was dropped counted, but said nothing.
    assert_eq!(counts, [Some(1), Some(2), Some(3), Some(5)]);
    let letter = stage
        .engine
        .own("GET", "pipelines/fails/dead-letters", "")
        .await?
        .body[1]
        .clone();
    for field in [
        "step",
        "reason",
        "plugin",
        "revision",
        "fuel",
        "attempts",
        "sequence",
        "backtrace",
    ] {
        assert!(
            !letter[field].is_null(),
            "a dead letter tells its {field}: {letter:#}"
        );
    }
    // What the author wrote, and where, not that an instruction was unreachable.
    let reason = letter["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("the event says so") && reason.contains("lib.rs:"),
        "{letter:#}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_payloads_are_dead_letters_and_the_rest_goes_on() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("hostile", &probe("hostile", 2, "")).await?;
    let deep = format!(
        "{{\"user\":\"deep\",\"x\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    )
    .into_bytes();
    let mut large = format!("{{\"user\":\"large\",\"x\":\"{}\"}}", "y".repeat((1 << 20) - 40)).into_bytes();
    large.truncate(1 << 20);
    let payloads: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0xff, 0xfe, 0x00],
        deep,
        large,
        b"null".to_vec(),
        event("count").into_bytes(),
    ];
    stage.cluster.publish("shop.events.x", payloads).await?;
    stage.engine.caught_up("hostile", 6).await?;
    // The deep and the large one are valid JSON: they are counted, and what comes of them is small.
    eventually("three dead letters and three outputs", || async {
        let dead = codes(&stage, "hostile").await.map_or(0, |codes| codes.len());
        let outputs = stage
            .cluster
            .read("TR_shop_hostile", "shop.hostile.*")
            .await
            .map_or(0, |outputs| outputs.len());
        (dead, outputs) == (3, 3)
    })
    .await
    .with_context(|| stage.engine.log())?;
    let mut codes = codes(&stage, "hostile").await?;
    codes.sort();
    assert_eq!(codes, ["no-key", "no-key", "unreadable-payload"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_makes_no_subject_is_a_dead_letter_and_breaks_no_connection() -> anyhow::Result<()> {
    // The broker closes the connection of a client whose line is longer than 4,096 bytes, and all
    // tenants of an engine share one.
    let stage = Stage::set().await?;
    stage.engine.apply("keys", &probe("keys", 1, "")).await?;
    let event = |user: &str| json!({ "user": user, "do": "count" }).to_string();
    let keys = [
        "k".repeat(100_000),
        "k".repeat(5_000),
        // Encoded, three bytes each.
        ".".repeat(1_000),
        "a\r\nPUB shop.forged 0\r\n".to_owned(),
        "good".to_owned(),
    ];
    stage
        .cluster
        .publish("shop.events.x", keys.iter().map(|key| event(key)))
        .await?;
    stage.engine.caught_up("keys", keys.len() as u64).await?;
    let mut codes = codes(&stage, "keys").await?;
    codes.sort();
    assert_eq!(codes, ["long-key", "long-key", "too-large"]);
    let outputs = stage.cluster.read("TR_shop_keys", "shop.keys.*").await?;
    assert_eq!(outputs.len(), 2, "the forged line became one token of a subject");
    let status = stage.engine.status("keys").await?;
    assert_eq!(status["state"], "running", "{status:#}\n{}", stage.engine.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_sent_again_to_the_step_that_failed() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    // A deadline of nothing makes the first revision fail on everything that loops.
    stage
        .engine
        .apply("again", &probe("again", 1, "    on-error: { retries: 0 }\n"))
        .await?;
    stage
        .cluster
        .publish("shop.events.x", [event("transient"), event("count")])
        .await?;
    stage.engine.caught_up("again", 2).await?;
    let letters = stage
        .engine
        .own("GET", "pipelines/again/dead-letters", "")
        .await?;
    let id = letters.body[0]["id"].as_u64().unwrap_or_default();
    let sent = stage
        .engine
        .own("POST", &format!("pipelines/again/dead-letters/{id}/redrive"), "")
        .await?;
    assert_eq!(sent.status, 202, "{sent:?}");
    eventually("the event is processed", || async {
        stage
            .cluster
            .read("TR_shop_again", "shop.again.*")
            .await
            .is_ok_and(|outputs| outputs.len() == 2)
    })
    .await?;
    assert!(
        codes(&stage, "again").await?.is_empty(),
        "it is no dead letter any more"
    );
    let again = stage
        .engine
        .own("POST", &format!("pipelines/again/dead-letters/{id}/redrive"), "")
        .await?;
    assert_eq!(again.status, 404, "and it cannot be sent twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_can_pause_the_pipeline_until_somebody_resumes_it() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage
        .engine
        .apply(
            "stop",
            &probe("stop", 1, "    on-error: { retries: 0, then: pause }\n"),
        )
        .await?;
    stage
        .cluster
        .publish("shop.events.x", [event("count"), event("trap"), event("count")])
        .await?;
    eventually("it is paused", || async {
        stage
            .engine
            .status("stop")
            .await
            .is_ok_and(|status| status["state"] == "paused")
    })
    .await?;
    let status = stage.engine.status("stop").await?;
    assert!(
        status["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("event 2")),
        "{status:#}"
    );
    stage
        .engine
        .apply(
            "stop",
            &probe("stop", 1, "    on-error: { retries: 0, then: drop }\n"),
        )
        .await?;
    let resumed = stage.engine.own("POST", "pipelines/stop/resume", "").await?;
    assert_eq!(resumed.status, 204);
    stage.engine.caught_up("stop", 3).await?;
    assert_eq!(stage.cluster.read("TR_shop_stop", "shop.stop.*").await?.len(), 2);
    Ok(())
}
