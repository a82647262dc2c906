//! Consumers that the adapter makes for a while: it removes them itself. A stream has room for only so many, and
//! those that nobody removes stay until they have been idle for half a minute or an hour.

use anyhow::Context as _;
use futures::StreamExt as _;
use serde_json::json;
use tailrace_core::ports::{
    broker::Streams as _,
    registry::{Bucket, Watch},
};
use tailrace_nats::async_nats::Subscriber;
use tailrace_tests::cluster::{PATIENCE, eventually};

use super::{Stand, connect, request, subscribe};

const REGISTRY: &str = "KV_tailrace_registry";

/// What JetStream is asked for.
struct Requests(Subscriber);

impl Requests {
    /// From now on, those that this pattern covers.
    async fn seen(stand: &Stand, pattern: &str) -> anyhow::Result<Self> {
        let client = &stand.cluster.client;
        let seen = client.subscribe(format!("$JS.API.{pattern}")).await?;
        client.flush().await?;
        Ok(Self(seen))
    }

    /// Waits for the next whose last token begins so.
    async fn next(&mut self, begins: &str) -> anyhow::Result<()> {
        let seeing = async {
            while let Some(request) = self.0.next().await {
                let last = request.subject.rsplit('.').next().unwrap_or_default();
                if last.starts_with(begins) {
                    return Ok(());
                }
            }
            anyhow::bail!("the connection ended")
        };
        tokio::time::timeout(PATIENCE, seeing)
            .await
            .with_context(|| format!("nobody asked for {begins}"))?
    }
}

async fn none_is_left(stand: &Stand, stream: &str) -> anyhow::Result<()> {
    eventually("no consumer is left", || async {
        let consumers = stand.consumers(stream).await;
        consumers.is_ok_and(|consumers| consumers.is_empty())
    })
    .await
}

#[tokio::test]
async fn a_watch_that_ends_removes_its_consumer() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let registry: &dyn Bucket = &stand.broker;
    let mut removals = Requests::seen(&stand, "CONSUMER.DELETE.>").await?;
    for number in 0..10 {
        registry.put(&format!("tenant.{number}"), "x".into(), 0).await?;
        let mut watch: Box<dyn Watch> = registry.watch().await?;
        let mut seen = 0;
        while watch.next().await?.is_some() {
            seen += 1;
        }
        assert_eq!(seen, number + 1);
        let consumer = stand.consumers(REGISTRY).await?.remove(0);
        drop(watch);
        removals.next(&consumer).await?;
        none_is_left(&stand, REGISTRY).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_that_outlived_its_broker_removes_its_consumer() -> anyhow::Result<()> {
    let mut stand = Stand::set().await?;
    let registry: &dyn Bucket = &stand.broker;
    registry.put("tenant.shop", "x".into(), 0).await?;
    let mut watch = registry.watch().await?;
    while watch.next().await?.is_some() {}
    stand.cluster.restart().await?;
    // Another client writes: that the watch sees it says that it has a consumer again.
    let other = connect(&stand.cluster.url(), std::time::Duration::from_secs(10)).await?;
    eventually("another client is connected", || async { other.is_connected() }).await?;
    Bucket::put(&other, "tenant.more", "y".into(), 0).await?;
    let more = async {
        loop {
            if let Ok(Some(entry)) = watch.next().await
                && entry.key == "tenant.more"
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, more).await?;
    let consumers = stand.consumers(REGISTRY).await?;
    assert_eq!(consumers.len(), 1);
    let mut removals = Requests::seen(&stand, "CONSUMER.DELETE.>").await?;
    drop(watch);
    removals.next(&consumers[0]).await?;
    none_is_left(&stand, REGISTRY).await
}

#[tokio::test]
async fn a_subscription_that_ends_removes_its_consumer() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    stand.cluster.publish("in.x", ["1"]).await?;
    let mut removals = Requests::seen(&stand, "CONSUMER.DELETE.>").await?;
    for _ in 0..5 {
        let mut reader = stand.subscribe(request("IN")).await?;
        reader.sequences(1).await?;
        let consumer = stand.consumers("IN").await?.remove(0);
        drop(reader);
        removals.next(&consumer).await?;
        none_is_left(&stand, "IN").await?;
    }
    Ok(())
}

/// An engine that was killed has left its consumer, and the stream takes one.
#[tokio::test]
async fn the_consumer_of_before_makes_room_for_the_next() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let config = json!({ "name": "IN", "subjects": ["in.>"], "max_consumers": 1 });
    stand.ask("STREAM.CREATE.IN", config).await?;
    stand.cluster.publish("in.x", ["1", "2"]).await?;
    let mut killed = stand.subscribe(request("IN")).await?;
    killed.sequences(1).await?;
    let other = connect(&stand.cluster.url(), PATIENCE).await?;
    let mut next = subscribe(&other, request("IN")).await?;
    next.sequences(2).await?;
    std::mem::forget(killed);
    Ok(())
}

#[tokio::test]
async fn a_count_that_is_cut_off_removes_its_consumer() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    stand.cluster.publish("in.x", ["1", "2", "3"]).await?;
    eventually("the broker is connected", || async {
        stand.broker.is_connected()
    })
    .await?;
    for _ in 0..10 {
        let mut made = Requests::seen(&stand, "CONSUMER.CREATE.>").await?;
        let mut removals = Requests::seen(&stand, "CONSUMER.DELETE.>").await?;
        let subjects = ["in.>".to_owned()];
        tokio::select! {
            biased;
            counted = stand.broker.count("IN", &subjects, 1, 3) => anyhow::ensure!(counted? == Some(3)),
            // It is asked for: at this moment the count is cut off.
            created = made.next("IN") => created?,
        }
        removals.next("").await?;
        none_is_left(&stand, "IN").await?;
    }
    Ok(())
}
