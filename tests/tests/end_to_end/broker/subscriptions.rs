//! A subscription: every message of its subjects once and in order, from where it was asked to start,
//! whatever becomes of its consumer, its server and its caller's patience.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tailrace_core::{
    manifest::Start,
    ports::broker::{Incoming, SubscribeRequest},
};

use tailrace_tests::cluster::PATIENCE;

use super::{Reader, Stand, name, request, text};

/// A stand with stream `IN` and so many messages on `in.x`, each its own sequence as text.
async fn stand_with(messages: u64) -> anyhow::Result<Stand> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    publish(&stand, 1..=messages).await?;
    Ok(stand)
}

async fn publish(stand: &Stand, numbers: impl IntoIterator<Item = u64>) -> anyhow::Result<()> {
    let payloads = numbers.into_iter().map(|number| number.to_string());
    stand.cluster.publish("in.x", payloads).await
}

async fn starting(stand: &Stand, start: Start) -> anyhow::Result<Reader> {
    stand
        .subscribe(SubscribeRequest {
            start,
            ..request("IN")
        })
        .await
}

async fn from(stand: &Stand, sequence: u64) -> anyhow::Result<Reader> {
    stand
        .subscribe(SubscribeRequest {
            from_sequence: Some(sequence),
            ..request("IN")
        })
        .await
}

fn numbers(range: impl IntoIterator<Item = u64>) -> Vec<u64> {
    range.into_iter().collect()
}

#[tokio::test]
async fn a_message_comes_as_it_was_published() -> anyhow::Result<()> {
    let stand = stand_with(0).await?;
    let mut headers = tailrace_nats::async_nats::HeaderMap::new();
    headers.append("X-Two", "second");
    headers.append("X-One", "a");
    headers.append("X-One", "b");
    let payload = vec![0, 255, 7];
    let jetstream = &stand.cluster.jetstream;
    jetstream
        .publish_with_headers("in.a.b", headers, payload.clone().into())
        .await?
        .await?;
    let mut reader = starting(&stand, Start::All).await?;
    let Incoming {
        sequence,
        received_ms,
        subject,
        headers,
        payload: found,
        unreadable,
    } = reader.take(1, 10).await?.remove(0);
    assert_eq!(unreadable, None);
    assert_eq!(
        (sequence, subject.as_str(), &found[..]),
        (1, "in.a.b", &payload[..])
    );
    let headers: Vec<_> = headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_str()))
        .collect();
    assert_eq!(headers, [("X-One", "a"), ("X-One", "b"), ("X-Two", "second")]);
    let stored = jetstream.get_stream("IN").await?.get_raw_message(1).await?;
    assert_eq!(
        i128::from(received_ms),
        stored.time.unix_timestamp_nanos() / 1_000_000
    );
    Ok(())
}

#[tokio::test]
async fn next_gives_at_most_what_it_was_asked_for() -> anyhow::Result<()> {
    let stand = stand_with(2_500).await?;
    let mut reader = starting(&stand, Start::All).await?;
    let mut found = Vec::new();
    let mut largest = 0;
    while found.len() < 2_500 {
        let max = 1 + found.len() % 300;
        let batch = reader.subscription.next(max).await?;
        assert!((1..=max).contains(&batch.len()), "{} of {max}", batch.len());
        largest = largest.max(batch.len());
        found.extend(batch.iter().map(|message| message.sequence));
    }
    assert_eq!(found, numbers(1..=2_500));
    assert!(largest > 1, "messages that are ready come together");
    Ok(())
}

#[tokio::test]
async fn a_subscription_starts_where_it_is_told() -> anyhow::Result<()> {
    let stand = stand_with(5).await?;
    let third: Value = stand.ask("STREAM.MSG.GET.IN", json!({ "seq": 3 })).await?;
    let time = third["message"]["time"].as_str().unwrap_or_default().to_owned();
    let mut new = starting(&stand, Start::New).await?;
    // It has begun when it has a consumer; nothing is there for it yet.
    assert!(new.subscription.next(1).now_or_never().is_none());
    while stand.consumers("IN").await?.is_empty() {
        tokio::select! {
            batch = new.subscription.next(1) => anyhow::bail!("an old message: {batch:?}"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
    publish(&stand, 6..=8).await?;
    assert_eq!(new.sequences(3).await?, [6, 7, 8]);
    for (start, wanted) in [
        (Start::All, 1..=8),
        (Start::Sequence(1), 1..=8),
        (Start::Sequence(4), 4..=8),
        (Start::Time(time), 3..=8),
    ] {
        let mut reader = starting(&stand, start.clone()).await?;
        let found = reader.sequences(wanted.clone().count()).await?;
        assert_eq!(found, numbers(wanted), "{start:?}");
    }
    // A position counts more than any start.
    for (start, position) in [(Start::All, 3), (Start::New, 5), (Start::Sequence(2), 8)] {
        let mut reader = stand
            .subscribe(SubscribeRequest {
                start,
                from_sequence: Some(position),
                ..request("IN")
            })
            .await?;
        let wanted = numbers(position..=8);
        assert_eq!(reader.sequences(wanted.len()).await?, wanted);
        // What is before it does not even travel.
        let consumer = stand.consumers("IN").await?.remove(0);
        let info = stand
            .ask(&format!("CONSUMER.INFO.IN.{consumer}"), Value::Null)
            .await?;
        assert_eq!(info["config"]["opt_start_seq"], position);
    }
    Ok(())
}

#[tokio::test]
async fn a_start_in_the_future_waits_for_it() -> anyhow::Result<()> {
    let stand = stand_with(3).await?;
    let mut reader = from(&stand, 4).await?;
    publish(&stand, 4..=5).await?;
    assert_eq!(reader.sequences(2).await?, [4, 5]);
    Ok(())
}

#[tokio::test]
async fn a_filter_of_two_subjects_gives_these_in_stream_order() -> anyhow::Result<()> {
    let stand = stand_with(0).await?;
    for round in 0..50 {
        for subject in ["in.a.1", "in.b", "in.c", "in.a.2"] {
            stand.cluster.publish(subject, [round.to_string()]).await?;
        }
    }
    let mut reader = stand
        .subscribe(SubscribeRequest {
            subjects: vec!["in.a.*".to_owned(), "in.c".to_owned()],
            ..request("IN")
        })
        .await?;
    let found = reader.take(150, 40).await?;
    let wanted: Vec<_> = (0..50)
        .flat_map(|round| {
            [(1, "in.a.1"), (3, "in.c"), (4, "in.a.2")]
                .map(|(place, subject)| (round * 4 + place, subject, round.to_string()))
        })
        .collect();
    let found: Vec<_> = found
        .iter()
        .map(|message| (message.sequence, message.subject.as_str(), text(&message.payload)))
        .collect();
    assert_eq!(found, wanted);
    Ok(())
}

#[tokio::test]
async fn gaps_of_deleted_messages_are_passed_over() -> anyhow::Result<()> {
    let stand = stand_with(30).await?;
    for sequence in [2, 10, 11, 12, 29] {
        stand
            .ask("STREAM.MSG.DELETE.IN", json!({ "seq": sequence }))
            .await?;
    }
    let wanted = numbers((1..=30).filter(|sequence| ![2, 10, 11, 12, 29].contains(sequence)));
    let mut whole = starting(&stand, Start::All).await?;
    assert_eq!(whole.sequences(25).await?, wanted);
    // A position whose next message is gone is no loss either.
    let mut behind = from(&stand, 10).await?;
    assert_eq!(behind.sequences(17).await?, wanted[8..]);
    assert_eq!(whole.subscription.rebuilds(), 0);
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_is_deleted_is_made_anew_behind_what_was_given() -> anyhow::Result<()> {
    let stand = stand_with(100).await?;
    let mut reader = starting(&stand, Start::All).await?;
    let mut found = reader.sequences(10).await?;
    for round in 1..=3 {
        stand.delete_consumers("IN").await?;
        publish(&stand, 100 * round + 1..=100 * round + 100).await?;
        found.extend(reader.sequences(100).await?);
    }
    found.extend(reader.sequences(90).await?);
    assert_eq!(found, numbers(1..=400));
    assert!(reader.subscription.rebuilds() >= 1);
    assert_eq!(stand.consumers("IN").await?.len(), 1, "old consumers are removed");
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_went_elsewhere_is_noticed_and_fetched_again() -> anyhow::Result<()> {
    let stand = stand_with(10).await?;
    let mut reader = starting(&stand, Start::All).await?;
    let mut found = reader.sequences(10).await?;
    let published = stand.steal_a_delivery("IN", 10).await?;
    publish(&stand, [published + 1]).await?;
    found.extend(reader.sequences(published as usize + 1 - 10).await?);
    assert_eq!(found, numbers(1..=published + 1));
    assert!(reader.subscription.rebuilds() >= 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_takes_and_doubles_nothing() -> anyhow::Result<()> {
    let mut stand = stand_with(3_000).await?;
    let mut reader = starting(&stand, Start::All).await?;
    let mut found = reader.sequences(50).await?;
    for round in 1..=2 {
        stand.cluster.kill();
        // It reads on while there is no server.
        let ((), read) = tokio::try_join!(stand.cluster.restart(), reader.sequences(1_000))?;
        found.extend(read);
        let last = 3_000 + round * 100;
        publish(&stand, last - 99..=last).await?;
    }
    let rest = 3_200 - found.len();
    found.extend(reader.sequences(rest).await?);
    assert_eq!(found, numbers(1..=3_200));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_waiting_loses_nothing() -> anyhow::Result<()> {
    let stand = stand_with(0).await?;
    let mut reader = starting(&stand, Start::All).await?;
    let total = 2_000;
    let reading = async {
        let mut found = Vec::new();
        let (mut turn, mut given_up) = (0_u64, 0);
        while found.len() < total as usize {
            // From nothing at all to longer than a consumer takes to be made.
            turn += 1;
            let patience = Duration::from_micros((turn % 40).pow(2) * 300);
            tokio::select! {
                batch = reader.subscription.next(3) => {
                    found.extend(batch?.iter().map(|message| message.sequence));
                }
                () = tokio::time::sleep(patience) => given_up += 1,
            }
        }
        anyhow::Ok((found, given_up))
    };
    let publishing = async {
        for number in 1..=total {
            publish(&stand, [number]).await?;
            if number % 500 == 0 {
                stand.delete_consumers("IN").await?;
            }
        }
        anyhow::Ok(())
    };
    let ((found, given_up), ()) = tokio::try_join!(reading, publishing)?;
    assert_eq!(found, numbers(1..=total));
    assert!(given_up > 0);
    Ok(())
}

#[tokio::test]
async fn a_subscription_waits_for_a_server_that_is_not_there_yet() -> anyhow::Result<()> {
    let mut stand = stand_with(5).await?;
    stand.cluster.kill();
    let mut reader = starting(&stand, Start::All).await?;
    tokio::select! {
        batch = reader.subscription.next(1) => anyhow::bail!("from nowhere: {batch:?}"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    stand.cluster.restart().await?;
    assert_eq!(reader.sequences(5).await?, [1, 2, 3, 4, 5]);
    Ok(())
}

#[tokio::test]
async fn engines_read_side_by_side_and_leave_each_other_s_consumers_alone() -> anyhow::Result<()> {
    let stand = stand_with(20).await?;
    let of = |engine| SubscribeRequest {
        engine: name(engine),
        ..request("IN")
    };
    let redrive = SubscribeRequest {
        role: "redrive".to_owned(),
        ..of("one")
    };
    let mut readers = Vec::new();
    for request in [of("one"), of("two"), of("one-2"), redrive] {
        let mut reader = stand.subscribe(request).await?;
        reader.sequences(20).await?;
        readers.push(reader);
    }
    publish(&stand, 21..=40).await?;
    for reader in &mut readers {
        assert_eq!(reader.sequences(20).await?, numbers(21..=40));
        assert_eq!(reader.subscription.rebuilds(), 0);
    }
    assert_eq!(stand.consumers("IN").await?.len(), 4);
    // An engine that comes again takes its own place.
    let mut again = stand.subscribe(of("one")).await?;
    again.sequences(40).await?;
    assert_eq!(stand.consumers("IN").await?.len(), 4);
    Ok(())
}

/// A delivery that went to a connection that is dead: here somebody else asks the consumer for one.
#[tokio::test]
async fn a_last_delivery_that_was_lost_on_the_way_comes_again() -> anyhow::Result<()> {
    let stand = stand_with(1).await?;
    let mut reader = from(&stand, 1).await?;
    assert_eq!(reader.sequences(1).await?, [1]);
    let consumer = stand.consumers("IN").await?.remove(0);
    let client = &stand.cluster.client;
    let inbox = client.new_inbox();
    let mut stolen = client.subscribe(inbox.clone()).await?;
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.IN.{consumer}");
    client
        .publish_with_reply(next, inbox, r#"{"batch":1,"expires":60000000000}"#.into())
        .await?;
    client.flush().await?;
    // The broker serves those who wait in turn.
    let mut last = 1;
    loop {
        last += 1;
        publish(&stand, [last]).await?;
        tokio::select! {
            given = reader.sequences(1) => assert_eq!(given?, [last]),
            _ = stolen.next() => break,
        }
    }
    let healed = async {
        while reader.subscription.rebuilds() == 0 {
            reader.subscription.standing().await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, tailrace_core::ports::broker::InputError>(())
    };
    tokio::time::timeout(PATIENCE, healed).await??;
    assert_eq!(reader.sequences(1).await?, [last]);
    Ok(())
}
