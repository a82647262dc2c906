//! Events that come twice, pipelines that fail too often, and books that must balance.

use anyhow::Context as _;
use serde_json::json;
use tailrace_nats::async_nats::HeaderMap;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
};

use crate::{Stage, probe};

fn event(user: &str, id: u64, act: &str) -> String {
    json!({ "user": user, "id": format!("e{id}"), "do": act }).to_string()
}

/// The probe with a place for more of the input.
fn with_input(name: &str, more: &str) -> String {
    probe(name, 2, "").replacen("partitions:", &format!("  {more}\npartitions:"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_counts_once_even_after_a_kill() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch::on(&cluster);
    let mut engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine
        .apply("once", &with_input("once", "dedup: { json: /id, window: 1h }"))
        .await?;
    let twice = || (0..40).map(|number| event(&format!("u{}", number % 4), number, "count"));
    cluster.publish("shop.events.x", twice()).await?;
    cluster.publish("shop.events.x", twice()).await?;
    engine.caught_up("once", 80).await?;
    // What is known of identifiers is state: it survives the engine, and the loss of its images.
    engine.kill();
    std::fs::remove_dir_all(engine.data_dir().join("state"))?;
    engine.restart(&launch)?;
    engine.ready().await?;
    cluster.publish("shop.events.x", twice()).await?;
    engine.caught_up("once", 120).await?;
    let outputs = cluster.read("TR_shop_once", "shop.once.*").await?;
    assert_eq!(outputs.len(), 40);
    let status = engine.status("once").await?;
    assert_eq!(status["stats"]["counts"]["duplicates"], 40, "{status:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_publishers_own_identifier_can_be_the_one() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let spec = with_input("ids", "dedup: { header: Nats-Msg-Id, window: 1h }");
    stage.engine.apply("ids", &spec).await?;
    // Beyond the broker's own window it stores an identifier twice; a stream with a short one shows that.
    let mut config = stage
        .cluster
        .jetstream
        .get_stream("SHOP")
        .await?
        .cached_info()
        .config
        .clone();
    config.duplicate_window = std::time::Duration::from_millis(100);
    stage.cluster.jetstream.update_stream(config).await?;
    let publish = || async {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "order-1");
        let payload = event("u1", 1, "count").into();
        let ack = stage
            .cluster
            .jetstream
            .publish_with_headers("shop.events.x", headers, payload)
            .await?;
        anyhow::Ok(ack.await?.duplicate)
    };
    publish().await?;
    eventually("the broker has forgotten the identifier", || async {
        publish().await.is_ok_and(|duplicate| !duplicate)
    })
    .await?;
    let last = stage
        .cluster
        .jetstream
        .get_stream("SHOP")
        .await?
        .cached_info()
        .state
        .last_sequence;
    stage.engine.caught_up("ids", last).await?;
    assert_eq!(stage.cluster.read("TR_shop_ids", "shop.ids.*").await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_dead_letters_pause_the_pipeline_and_say_why() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let breaker = "circuit-breaker: { dead-letter-ratio: 0.5, minimum: 20 }\n";
    let spec = probe("breaks", 1, "    on-error: { retries: 0 }\n") + breaker;
    stage.engine.apply("breaks", &spec).await?;
    let mostly_bad =
        (0..40).map(|number| event("u1", number, if number % 4 == 0 { "count" } else { "trap" }));
    stage.cluster.publish("shop.events.x", mostly_bad).await?;
    eventually("it is paused", || async {
        stage
            .engine
            .status("breaks")
            .await
            .is_ok_and(|status| status["state"] == "paused")
    })
    .await
    .with_context(|| stage.engine.log())?;
    let status = stage.engine.status("breaks").await?;
    let reason = status["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("circuit breaker") && reason.contains("0.5"),
        "{status:#}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_step_that_fails_the_pipeline_goes_on_with_a_payload_of_its_policy() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let policy = "    on-error: { retries: 0, then: forward, payload: { list: [bestseller] } }\n";
    stage.engine.apply("serves", &probe("serves", 1, policy)).await?;
    let events = [event("u1", 1, "count"), event("u1", 2, "trap")];
    stage.cluster.publish("shop.events.x", events).await?;
    stage.engine.caught_up("serves", 2).await?;
    let outputs = stage.cluster.read("TR_shop_serves", "shop.serves.*").await?;
    assert_eq!(outputs.len(), 2);
    assert_eq!(outputs[1].1, br#"{"list":["bestseller"]}"#);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn books_balance_and_a_message_of_a_stranger_is_noticed() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch::on(&cluster).with("TAILRACE_ENGINES__RECONCILE_EVERY", "300ms");
    let engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine
        .apply("books", &probe("books", 3, "    on-error: { retries: 0 }\n"))
        .await?;
    let acts = ["count", "drop", "invalid", "trap", "forward"];
    let events = |from: u64| (from..from + 50).map(move |n| event(&format!("u{n}"), n, acts[n as usize % 5]));
    cluster.publish("shop.events.x", events(0)).await?;
    let balance = || async { engine.status("books").await.unwrap_or_default()["balance"].clone() };
    eventually("the books of 50 events balance", || async {
        let books = balance().await;
        books["broker_input"].is_u64() && books["committed_messages"].is_u64()
    })
    .await
    .with_context(|| engine.log())?;
    let books = balance().await;
    assert!(books["imbalance"].is_null(), "{books:#}");
    assert_eq!(books["committed_messages"], books["broker_messages"], "{books:#}");

    cluster
        .publish("shop.books.stranger", ["not from a commit"])
        .await?;
    cluster.publish("shop.events.x", events(50)).await?;
    eventually("the stranger's message is noticed", || async {
        let books = balance().await;
        books["imbalance"]
            .as_str()
            .is_some_and(|why| why.contains("own stream"))
    })
    .await
    .with_context(|| engine.log())?;
    let metrics = engine
        .ask("GET", "/metrics", tailrace_tests::engine::OPERATOR, "")
        .await?;
    let alarm = metrics
        .text
        .lines()
        .any(|line| line.starts_with("tailrace_imbalances_total{") && !line.ends_with(" 0"));
    assert!(alarm, "{}", metrics.text);
    Ok(())
}
