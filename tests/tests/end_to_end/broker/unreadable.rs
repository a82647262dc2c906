//! Messages that the broker stores and the client cannot read: they are given all the same, and nothing stands still
//! behind them.

use std::time::Duration;

use anyhow::Context as _;
use tailrace_core::{
    manifest::Start,
    ports::broker::{Incoming, SubscribeRequest, Subscription},
};
use tailrace_nats::async_nats::jetstream::stream::RetentionPolicy;
use tailrace_tests::{cluster::PATIENCE, raw::publish_raw};

use super::{Stand, request};

/// So many messages, looked for as an engine does: it asks now and then how far the input is.
async fn take(subscription: &mut Box<dyn Subscription>, count: usize) -> anyhow::Result<Vec<Incoming>> {
    let mut taken = Vec::new();
    let reading = async {
        while taken.len() < count {
            match tokio::time::timeout(Duration::from_secs(1), subscription.next(1_000)).await {
                Ok(batch) => taken.extend(batch?),
                Err(_) => {
                    subscription.standing().await?;
                }
            }
            if let Some(last) = taken.last() {
                subscription.acknowledge(last.sequence).await;
            }
        }
        anyhow::Ok(())
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.with_context(|| format!("only some of {count} messages came"))??;
    Ok(taken)
}

const GOOD: &[u8] = b"NATS/1.0\r\nX: 1\r\n\r\n";

#[tokio::test]
async fn a_message_that_no_client_can_read_is_given_and_what_comes_behind_it_too() -> anyhow::Result<()> {
    for retention in [
        RetentionPolicy::Limits,
        RetentionPolicy::WorkQueue,
        RetentionPolicy::Interest,
    ] {
        let stand = Stand::set().await?;
        stand.stream_kept("RAW", retention).await?;
        let mut reader = stand.subscribe(request("RAW")).await?.subscription;
        // Without a consumer, a stream of interest keeps nothing.
        while stand.consumers("RAW").await?.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(100), reader.next(1)).await;
        }
        stand.cluster.publish("raw.x", ["first"]).await?;
        assert_eq!(take(&mut reader, 1).await?[0].sequence, 1);
        publish_raw(
            &stand.cluster,
            &[
                (b"raw.latin", b"NATS/1.0\r\nX-K: caf\xe9\r\n\r\n", "2"),
                (b"raw.good", GOOD, "3"),
                (b"raw.colon", b"NATS/1.0\r\nX-K\r\n\r\n", "4"),
                (b"raw.begin", b"HTTP/1.1\r\nX: v\r\n\r\n", "5"),
                (b"raw.\xff\xfe", GOOD, "6"),
                (b"raw.good", GOOD, "7"),
                // The client breaks down over this one.
                (b"raw.return", b"NATS/1.0\r\nX: a\rb\r\n\r\n", "8"),
                (b"raw.good", GOOD, "9"),
            ],
        )
        .await?;
        let found = take(&mut reader, 8).await?;
        let found = found.iter().map(|message| {
            let payload = String::from_utf8_lossy(&message.payload).into_owned();
            (
                message.sequence,
                payload,
                message.unreadable.is_some(),
                message.headers.len(),
            )
        });
        let expected = [false, true, false, true, true, true, false, true, false];
        let expected = (2..=9).map(|number: u64| {
            let is_unreadable = expected[number as usize - 1];
            (
                number,
                number.to_string(),
                is_unreadable,
                usize::from(!is_unreadable),
            )
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "{retention:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_no_client_can_read_is_no_end_where_reading_begins_at_a_time() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("RAW", RetentionPolicy::Limits).await?;
    publish_raw(
        &stand.cluster,
        &[
            (b"raw.latin", b"NATS/1.0\r\nX-K: caf\xe9\r\n\r\n", "1"),
            (b"raw.good", GOOD, "2"),
        ],
    )
    .await?;
    let from_a_time = SubscribeRequest {
        start: Start::Time("2020-01-01T00:00:00Z".to_owned()),
        ..request("RAW")
    };
    let mut reader = stand.subscribe(from_a_time).await?.subscription;
    let found = take(&mut reader, 2).await?;
    let found: Vec<_> = found
        .iter()
        .map(|message| (message.sequence, message.unreadable.is_some()))
        .collect();
    assert_eq!(found, [(1, true), (2, false)]);
    Ok(())
}
