//! Deliveries without an atomic batch: at-least-once, whose outputs bear identifiers that the server
//! knows again, and at-most-once, which nobody waits for.

use std::time::Duration;

use tailrace_core::{
    manifest::Delivery,
    ports::broker::{CommitBatch, CommitError, CommitLog as _},
};
use tailrace_tests::cluster::eventually;

use super::{OWN, Stand, batch, output, partition, payloads, text};

fn at_least_once(numbers: std::ops::Range<usize>, record: &str, expected: u64) -> CommitBatch {
    CommitBatch {
        delivery: Delivery::AtLeastOnce,
        ..batch(numbers, &[record], expected)
    }
}

/// A header of a stored message.
async fn header(stand: &Stand, sequence: u64, name: &str) -> anyhow::Result<Option<String>> {
    let stream = stand.cluster.jetstream.get_stream(OWN).await?;
    let message = stream.get_raw_message(sequence).await?;
    Ok(message.headers.get(name).map(ToString::to_string))
}

#[tokio::test]
async fn at_least_once_outputs_bear_identifiers_and_come_before_the_record() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let stored = stand.broker.commit(&at_least_once(0..50, "r1", 0)).await?;
    assert_eq!(stored, 51);
    assert_eq!(stand.outputs().await?, payloads(0..50));
    for number in [0, 49] {
        let id = header(&stand, number + 1, "Nats-Msg-Id").await?;
        assert_eq!(id, Some(format!("shop/clicks:{number}:0")));
    }
    Ok(())
}

#[tokio::test]
async fn at_least_once_outputs_that_are_sent_twice_are_stored_once() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let commit = at_least_once(0..20, "r1", 0);
    let stored = stand.broker.commit(&commit).await?;
    // The same once more, as after an answer that was lost: its record is known to be there.
    let again = stand.broker.commit(&commit).await;
    assert!(
        matches!(again, Err(CommitError::Fenced { expected: 0 })),
        "{again:?}"
    );
    // And as after a restart: the same events, some new ones, a new record.
    let next = stand.broker.commit(&at_least_once(10..30, "r2", stored)).await?;
    assert_eq!(stand.outputs().await?, payloads(0..30));
    let last = stand.broker.last(&partition(0)).await?;
    assert_eq!(
        last.map(|part| (part.sequence, text(&part.payload))),
        Some((next, "r2".into()))
    );
    Ok(())
}

#[tokio::test]
async fn an_engine_that_wakes_up_sends_no_outputs_where_another_has_committed() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    stand.broker.commit(&at_least_once(0..20, "r1", 0)).await?;
    let zombie = stand.broker.commit(&at_least_once(20..40, "r2", 0)).await;
    assert!(matches!(zombie, Err(CommitError::Fenced { .. })), "{zombie:?}");
    assert_eq!(stand.outputs().await?, payloads(0..20));
    Ok(())
}

#[tokio::test]
async fn an_at_least_once_commit_of_many_messages_needs_no_batch() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    // More than an atomic batch may have.
    let stored = stand.broker.commit(&at_least_once(0..1_500, "r1", 0)).await?;
    assert_eq!(stored, 1_501);
    assert_eq!(stand.outputs().await?, payloads(0..1_500));
    Ok(())
}

#[tokio::test]
async fn an_at_most_once_commit_is_fenced_and_its_outputs_arrive() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let commit = CommitBatch {
        delivery: Delivery::AtMostOnce,
        ..batch([], &["r1"], 0)
    };
    let stored = stand.broker.commit(&commit).await?;
    let zombie = stand.broker.commit(&commit).await;
    assert!(matches!(zombie, Err(CommitError::Fenced { .. })), "{zombie:?}");
    let outputs: Vec<_> = (0..100).map(output).collect();
    let late: Vec<_> = (100..110).map(output).collect();
    let zombie = stand.broker.publish_unconfirmed(&partition(0), 0, &late).await;
    assert!(matches!(zombie, Err(CommitError::Fenced { .. })), "{zombie:?}");
    stand
        .broker
        .publish_unconfirmed(&partition(0), stored, &outputs)
        .await?;
    eventually("the outputs arrive", || async {
        stand.outputs().await.is_ok_and(|found| found.len() >= 100)
    })
    .await?;
    assert_eq!(stand.outputs().await?, payloads(0..100));
    Ok(())
}

#[tokio::test]
async fn an_output_that_is_kept_for_a_time_says_so_to_the_server() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut commit = batch([0, 1], &["r1"], 0);
    commit.outputs[0].keep = Some(Duration::from_hours(2));
    stand.broker.commit(&commit).await?;
    assert_eq!(header(&stand, 1, "Nats-TTL").await?.as_deref(), Some("7200"));
    assert_eq!(header(&stand, 2, "Nats-TTL").await?, None);
    // A record outlives what it speaks of.
    assert_eq!(header(&stand, 3, "Nats-TTL").await?, None);
    Ok(())
}
