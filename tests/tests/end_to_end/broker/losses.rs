//! What no rebuild can mend: a stream deleted, made anew, or purged before it was processed. Each ends
//! the subscription with its name, both for one at work and for one that comes back to a position.

use serde_json::{Value, json};
use tailrace_core::{
    ports::broker::{InputError, Streams as _, SubscribeRequest},
    watermark::Witness,
};

use super::{Reader, Stand, request};

/// A stand whose stream `IN` has three messages.
async fn stand() -> anyhow::Result<Stand> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    stand.cluster.publish("in.x", ["1", "2", "3"]).await?;
    Ok(stand)
}

/// A subscription that has had all three and is not waiting for more just now.
async fn at_work(stand: &Stand) -> anyhow::Result<Reader> {
    let mut reader = stand.subscribe(request("IN")).await?;
    assert_eq!(reader.sequences(3).await?, [1, 2, 3]);
    Ok(reader)
}

async fn fresh(stand: &Stand, from_sequence: u64) -> anyhow::Result<Reader> {
    stand
        .subscribe(SubscribeRequest {
            from_sequence: Some(from_sequence),
            ..request("IN")
        })
        .await
}

async fn delete(stand: &Stand) -> anyhow::Result<()> {
    stand.ask("STREAM.DELETE.IN", Value::Null).await.map(drop)
}

async fn make_anew(stand: &Stand, messages: usize) -> anyhow::Result<()> {
    delete(stand).await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    stand.cluster.publish("in.x", vec!["new"; messages]).await
}

/// Sequences 4 to 10 come, and all before 8 are purged.
async fn purge(stand: &Stand) -> anyhow::Result<()> {
    stand.cluster.publish("in.x", ["later"; 7]).await?;
    stand.ask("STREAM.PURGE.IN", json!({ "seq": 8 })).await.map(drop)
}

#[tokio::test]
async fn a_deleted_stream_ends_the_subscription_at_work() -> anyhow::Result<()> {
    let stand = stand().await?;
    let mut reader = at_work(&stand).await?;
    delete(&stand).await?;
    let end = reader.end().await?;
    assert!(
        matches!(&end, InputError::Deleted(stream) if stream == "IN"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn a_deleted_stream_ends_a_subscription_to_a_position() -> anyhow::Result<()> {
    let stand = stand().await?;
    delete(&stand).await?;
    let end = fresh(&stand, 4).await?.end().await?;
    assert!(
        matches!(&end, InputError::Deleted(stream) if stream == "IN"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn a_stream_made_anew_ends_the_subscription_at_work() -> anyhow::Result<()> {
    for messages in [0, 2, 30] {
        let stand = stand().await?;
        let mut reader = at_work(&stand).await?;
        make_anew(&stand, messages).await?;
        let end = reader.end().await?;
        assert!(
            matches!(&end, InputError::Recreated(stream) if stream == "IN"),
            "{messages}: {end}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_made_anew_ends_a_subscription_to_a_position_that_it_has_not() -> anyhow::Result<()> {
    let stand = stand().await?;
    make_anew(&stand, 2).await?;
    let end = fresh(&stand, 4).await?.end().await?;
    assert!(
        matches!(&end, InputError::Restored(stream) if stream == "IN"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn a_stream_made_anew_ends_a_subscription_to_a_position_of_the_old_one() -> anyhow::Result<()> {
    let stand = stand().await?;
    let created = stand.broker.stream("IN").await?.created;
    let of_the_old = SubscribeRequest {
        from_sequence: Some(2),
        stream_created: Some(created),
        ..request("IN")
    };
    let mut reader = stand.subscribe(of_the_old.clone()).await?;
    assert_eq!(reader.sequences(2).await?, [2, 3]);
    drop(reader);
    // More messages than the old one had: their sequences alone would not tell.
    make_anew(&stand, 30).await?;
    let end = stand.subscribe(of_the_old).await?.end().await?;
    assert!(
        matches!(&end, InputError::Recreated(stream) if stream == "IN"),
        "{end}"
    );
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_restored_from_before_and_has_grown_ends_a_subscription_to_a_position()
-> anyhow::Result<()> {
    let stand = stand().await?;
    let mut reader = stand.subscribe(request("IN")).await?;
    let read = reader.take(3, 10).await?;
    drop(reader);
    let known = |received_ms| SubscribeRequest {
        from_sequence: Some(4),
        witness: Some(Witness {
            sequence: 3,
            received_ms,
        }),
        ..request("IN")
    };
    stand.cluster.publish("in.x", ["4"]).await?;
    let mut same = stand.subscribe(known(read[2].received_ms)).await?;
    assert_eq!(same.sequences(1).await?, [4]);
    // The copy had fewer messages, and others took their sequences.
    let end = stand
        .subscribe(known(read[2].received_ms - 1))
        .await?
        .end()
        .await?;
    assert!(
        matches!(&end, InputError::Recreated(stream) if stream == "IN"),
        "{end}"
    );
    // Where it is gone, nothing can be said.
    stand.ask("STREAM.PURGE.IN", json!({ "seq": 4 })).await?;
    let mut gone = stand.subscribe(known(read[2].received_ms - 1)).await?;
    assert_eq!(gone.sequences(1).await?, [4]);
    Ok(())
}

fn is_purged(end: &InputError) -> bool {
    matches!(
        end,
        InputError::Lost { stream, loss }
            if stream == "IN" && loss.is_certain && (loss.from, loss.to, loss.events) == (4, 7, 4)
    )
}

#[tokio::test]
async fn a_purge_past_the_position_ends_the_subscription_at_work() -> anyhow::Result<()> {
    let stand = stand().await?;
    let mut reader = at_work(&stand).await?;
    stand.delete_consumers("IN").await?;
    purge(&stand).await?;
    let end = reader.end().await?;
    assert!(is_purged(&end), "{end}");
    Ok(())
}

#[tokio::test]
async fn a_purge_past_the_position_ends_a_subscription_to_it() -> anyhow::Result<()> {
    let stand = stand().await?;
    purge(&stand).await?;
    let end = fresh(&stand, 4).await?.end().await?;
    assert!(is_purged(&end), "{end}");
    // Up to the position it is no loss.
    assert_eq!(fresh(&stand, 8).await?.sequences(3).await?, [8, 9, 10]);
    Ok(())
}

#[tokio::test]
async fn a_purge_of_everything_that_was_processed_is_no_loss() -> anyhow::Result<()> {
    let stand = stand().await?;
    let mut reader = at_work(&stand).await?;
    stand.ask("STREAM.PURGE.IN", json!({})).await?;
    stand.delete_consumers("IN").await?;
    stand.cluster.publish("in.x", ["4"]).await?;
    assert_eq!(reader.sequences(1).await?, [4]);
    assert_eq!(fresh(&stand, 4).await?.sequences(1).await?, [4]);
    Ok(())
}

#[tokio::test]
async fn what_a_later_message_has_replaced_is_no_loss() -> anyhow::Result<()> {
    for (bound, possibly_lost) in [(json!({}), 0), (json!({ "max_age": 3_600_000_000_000_u64 }), 4)] {
        let stand = Stand::set().await?;
        let mut config = json!({ "name": "IN", "subjects": ["in.>"], "max_msgs_per_subject": 1 });
        for (setting, value) in bound.as_object().into_iter().flatten() {
            config[setting] = value.clone();
        }
        stand.ask("STREAM.CREATE.IN", config).await?;
        stand.cluster.publish("in.x", ["1"; 6]).await?;
        stand.cluster.publish("in.y", ["7"]).await?;
        let request = SubscribeRequest {
            from_sequence: Some(2),
            ..request("IN")
        };
        let watch = request.watch.clone();
        let mut reader = stand.subscribe(request).await?;
        assert_eq!(reader.sequences(2).await?, [6, 7]);
        assert_eq!(
            (watch.lost(), watch.possibly_lost()),
            (0, possibly_lost),
            "{bound}"
        );
    }
    Ok(())
}
