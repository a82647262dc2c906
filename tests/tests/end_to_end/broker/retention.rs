//! Streams that keep a message only until it is acknowledged: work queues, and streams of interest.
//! Here an acknowledgement decides what a later subscription can still see.

use tailrace_core::ports::broker::{Streams as _, SubscribeRequest};
use tailrace_nats::async_nats::jetstream::stream::RetentionPolicy;
use tailrace_tests::cluster::eventually;

use super::{Stand, name, request, text};

async fn publish(stand: &Stand, subject: &str, numbers: std::ops::RangeInclusive<u64>) -> anyhow::Result<()> {
    stand
        .cluster
        .publish(subject, numbers.map(|number| number.to_string()))
        .await
}

/// Waits until the stream holds exactly these messages.
async fn holds(stand: &Stand, stream: &str, first: u64, last: u64) -> anyhow::Result<()> {
    eventually("the stream holds what is not acknowledged", || async {
        let facts = stand.broker.stream(stream).await;
        facts.is_ok_and(|facts| facts.first_sequence == first && facts.last_sequence == last)
    })
    .await
}

fn from(stream: &str, sequence: u64) -> SubscribeRequest {
    SubscribeRequest {
        from_sequence: Some(sequence),
        ..request(stream)
    }
}

#[tokio::test]
async fn a_work_queue_keeps_what_is_not_acknowledged() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("WORK", RetentionPolicy::WorkQueue).await?;
    publish(&stand, "work.x", 1..=10).await?;
    let mut reader = stand.subscribe(request("WORK")).await?;
    assert_eq!(reader.sequences(10).await?, (1..=10).collect::<Vec<_>>());
    reader.subscription.acknowledge(6).await;
    holds(&stand, "WORK", 7, 10).await?;
    drop(reader);
    let mut next = stand.subscribe(from("WORK", 7)).await?;
    assert_eq!(next.sequences(4).await?, [7, 8, 9, 10]);
    next.subscription.acknowledge(10).await;
    publish(&stand, "work.x", 11..=12).await?;
    assert_eq!(next.sequences(2).await?, [11, 12]);
    next.subscription.acknowledge(12).await;
    holds(&stand, "WORK", 13, 12).await
}

#[tokio::test]
async fn a_work_queue_lets_go_of_what_was_done_before_an_acknowledgement_was_lost() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("WORK", RetentionPolicy::WorkQueue).await?;
    publish(&stand, "work.x", 1..=10).await?;
    let mut reader = stand.subscribe(request("WORK")).await?;
    reader.sequences(10).await?;
    drop(reader);
    // Position 5 is committed, nothing was acknowledged: 1 to 5 are not given again, and go.
    let mut next = stand.subscribe(from("WORK", 6)).await?;
    assert_eq!(next.sequences(5).await?, [6, 7, 8, 9, 10]);
    next.subscription.acknowledge(10).await;
    holds(&stand, "WORK", 11, 10).await
}

#[tokio::test]
async fn a_work_queue_gives_each_message_once_over_a_lost_consumer() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("WORK", RetentionPolicy::WorkQueue).await?;
    publish(&stand, "work.x", 1..=10).await?;
    let mut reader = stand.subscribe(request("WORK")).await?;
    reader.sequences(10).await?;
    reader.subscription.acknowledge(4).await;
    holds(&stand, "WORK", 5, 10).await?;
    stand.delete_consumers("WORK").await?;
    publish(&stand, "work.x", 11..=15).await?;
    assert_eq!(reader.sequences(5).await?, [11, 12, 13, 14, 15]);
    // Given by the consumer before, acknowledged through this one.
    reader.subscription.acknowledge(15).await;
    holds(&stand, "WORK", 16, 15).await
}

#[tokio::test]
async fn a_work_queue_is_taken_over_by_the_next_engine() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("WORK", RetentionPolicy::WorkQueue).await?;
    publish(&stand, "work.x", 1..=10).await?;
    let mut dead = stand.subscribe(request("WORK")).await?;
    dead.sequences(10).await?;
    dead.subscription.acknowledge(2).await;
    holds(&stand, "WORK", 3, 10).await?;
    // It is not polled any more, but its consumer is there.
    let heir = SubscribeRequest {
        engine: name("engine-2"),
        ..from("WORK", 3)
    };
    let mut next = stand.subscribe(heir).await?;
    assert_eq!(next.sequences(8).await?, (3..=10).collect::<Vec<_>>());
    assert_eq!(stand.consumers("WORK").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_stream_of_interest_lets_go_of_what_is_acknowledged() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("CARE", RetentionPolicy::Interest).await?;
    let mut reader = interested(&stand).await?;
    publish(&stand, "care.x", 1..=10).await?;
    assert_eq!(reader.sequences(10).await?, (1..=10).collect::<Vec<_>>());
    reader.subscription.acknowledge(6).await;
    holds(&stand, "CARE", 7, 10).await
}

/// A reader of `CARE` that has its consumer: before that, the stream keeps nothing for it.
async fn interested(stand: &Stand) -> anyhow::Result<super::Reader> {
    let mut reader = stand.subscribe(request("CARE")).await?;
    while stand.consumers("CARE").await?.is_empty() {
        tokio::select! {
            batch = reader.subscription.next(1) => anyhow::bail!("from nowhere: {batch:?}"),
            () = tokio::time::sleep(std::time::Duration::from_millis(10)) => {}
        }
    }
    Ok(reader)
}

#[tokio::test]
async fn a_stream_of_interest_keeps_messages_for_the_next_subscription() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.stream_kept("CARE", RetentionPolicy::Interest).await?;
    let mut reader = interested(&stand).await?;
    publish(&stand, "care.x", 1..=10).await?;
    reader.sequences(10).await?;
    reader.subscription.acknowledge(3).await;
    holds(&stand, "CARE", 4, 10).await?;
    drop(reader);
    publish(&stand, "care.x", 11..=12).await?;
    let mut next = stand.subscribe(from("CARE", 4)).await?;
    let found = next.take(9, 100).await?;
    let found: Vec<String> = found.iter().map(|message| text(&message.payload)).collect();
    assert_eq!(
        found,
        (4..=12).map(|number: u64| number.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(stand.consumers("CARE").await?.len(), 1);
    Ok(())
}
