//! The stream of a pipeline's own: made, brought up to date, trimmed, removed; and facts of any.

use serde_json::Value;
use tailrace_core::{
    life::Life,
    ports::broker::{BrokerError, CommitLog as _, OwnError, OwnStream, Streams},
};
use tailrace_nats::async_nats::jetstream::stream::RetentionPolicy;
use tailrace_tests::cluster::eventually;

use super::{OUTPUTS, OWN, Stand, batch, own, partition, payloads, pipeline, request};

fn with_outputs(pattern: Option<&str>) -> OwnStream {
    OwnStream {
        output_pattern: pattern.map(str::to_owned),
        ..own()
    }
}

#[tokio::test]
async fn the_own_stream_is_made_once() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let made = stand.broker.create_own(&own()).await?;
    assert_eq!(made.name, OWN);
    assert_eq!(made.subjects, ["tr.shop.clicks.>", OUTPUTS]);
    stand.broker.commit(&batch(0..2, &["r"], 0)).await?;
    let again = stand.broker.create_own(&own()).await?;
    assert_eq!(again.created, made.created);
    assert_eq!(again.last_sequence, 3);
    let config = &stand.ask(&format!("STREAM.INFO.{OWN}"), Value::Null).await?["config"];
    for allowed in ["allow_direct", "allow_atomic", "allow_msg_ttl"] {
        assert_eq!(config[allowed], true, "{allowed}");
    }
    assert_eq!(config["storage"], "file");
    // Records live until the engine purges them.
    assert_eq!(config["max_age"], 0);
    assert_eq!(config["discard"], "new");
    Ok(())
}

#[tokio::test]
async fn the_own_stream_takes_up_a_changed_output_pattern() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let stored = stand.broker.commit(&batch(0..2, &["r1"], 0)).await?;
    let created = stand.broker.stream(OWN).await?.created;
    let mut expected = stored;
    for (pattern, subjects) in [
        (Some("shop.other.>"), &["tr.shop.clicks.>", "shop.other.>"][..]),
        (None, &["tr.shop.clicks.>"]),
        (Some(OUTPUTS), &["tr.shop.clicks.>", OUTPUTS]),
    ] {
        let facts = stand.broker.bring_own(&with_outputs(pattern), false).await?;
        assert_eq!(facts.subjects, subjects);
        assert_eq!(stand.broker.stream(OWN).await?.subjects, subjects);
        let mut commit = batch([9], &["r"], expected);
        commit.outputs[0].subject = pattern.unwrap_or("tr.shop.clicks.dead").replace(['*', '>'], "y");
        expected = stand.broker.commit(&commit).await?;
    }
    assert_eq!(stand.broker.stream(OWN).await?.created, created);
    assert_eq!(stand.cluster.read(OWN, "shop.out.x").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_overlap_names_the_stream_that_holds_the_subjects() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.cluster.stream("ORDERS", &["orders.>"]).await?;
    let overlapping = with_outputs(Some("orders.new.*"));
    let named = |outcome: Result<_, OwnError>| match outcome {
        Err(OwnError::Broker(BrokerError::Refused { description, .. })) => {
            description.contains("\"ORDERS\"") && description.contains("orders.new.*")
        }
        _ => false,
    };
    // When it is made, and when it is changed.
    assert!(named(stand.broker.create_own(&overlapping).await));
    assert!(matches!(
        stand.broker.stream(OWN).await,
        Err(BrokerError::NoStream(name)) if name == OWN
    ));
    stand.broker.create_own(&own()).await?;
    assert!(named(stand.broker.bring_own(&overlapping, false).await));
    assert_eq!(
        stand.broker.stream(OWN).await?.subjects,
        ["tr.shop.clicks.>", OUTPUTS]
    );
    Ok(())
}

#[tokio::test]
async fn streams_are_found_by_what_they_hold() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    stand.cluster.stream("ORDERS", &["orders.>"]).await?;
    assert_eq!(stand.broker.streams_with("orders.new").await?, ["ORDERS"]);
    assert_eq!(stand.broker.streams_with("shop.out.7").await?, [OWN]);
    assert!(stand.broker.streams_with("nobody.has.this").await?.is_empty());
    let mut all = stand.broker.streams_with(">").await?;
    all.sort_unstable();
    assert_eq!(all, ["KV_tailrace_registry", "ORDERS", OWN]);
    stand.cluster.publish("orders.new", ["1", "2", "3"]).await?;
    stand
        .ask("STREAM.PURGE.ORDERS", serde_json::json!({ "seq": 3 }))
        .await?;
    let facts = stand.broker.stream("ORDERS").await?;
    assert_eq!((facts.first_sequence, facts.last_sequence), (3, 3));
    assert!(facts.bytes > 0);
    Ok(())
}

#[tokio::test]
async fn what_is_removed_can_be_removed_again() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    stand.stream_kept("IN", RetentionPolicy::Limits).await?;
    stand.cluster.publish("in.x", ["1"]).await?;
    let mut reader = stand.subscribe(request("IN")).await?;
    reader.sequences(1).await?;
    let somebody = serde_json::json!({
        "stream_name": "IN",
        "config": { "durable_name": "tr_shop_clicks-2_input_1", "ack_policy": "none" },
    });
    stand
        .ask("CONSUMER.DURABLE.CREATE.IN.tr_shop_clicks-2_input_1", somebody)
        .await?;
    assert_eq!(stand.consumers("IN").await?.len(), 2);
    for _ in 0..2 {
        stand.broker.remove_consumers(&pipeline(), "IN").await?;
        stand.broker.remove_own(&pipeline(), Life::UNNAMED).await?;
        assert!(matches!(
            stand.broker.stream(OWN).await,
            Err(BrokerError::NoStream(_))
        ));
        // Another pipeline's is not ours, though its name begins alike.
        assert_eq!(stand.consumers("IN").await?, ["tr_shop_clicks-2_input_1"]);
    }
    stand.broker.remove_consumers(&pipeline(), "NEVER").await?;
    Ok(())
}

#[tokio::test]
async fn trimming_takes_the_oldest_outputs_and_never_a_record() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let mut expected = 0;
    for commit in 0..40 {
        let outputs = commit * 10..(commit + 1) * 10;
        expected = stand.broker.commit(&batch(outputs, &["r"], expected)).await?;
    }
    let bytes = stand.broker.stream(OWN).await?.bytes;
    let unbounded = own();
    stand.broker.trim_outputs(&unbounded).await?;
    let keeping = |keep_bytes| OwnStream {
        keep_bytes: Some(keep_bytes),
        ..own()
    };
    stand.broker.trim_outputs(&keeping(bytes)).await?;
    assert_eq!(stand.outputs().await?.len(), 400);
    stand.broker.trim_outputs(&keeping(bytes / 2)).await?;
    let left = stand.outputs().await?;
    assert!((150..=250).contains(&left.len()), "{} are left", left.len());
    assert_eq!(left, payloads(400 - left.len()..400));
    stand.broker.trim_outputs(&keeping(0)).await?;
    assert!(stand.outputs().await?.len() <= 1);
    assert_eq!(stand.broker.after(&partition(0), 0, 1_000).await?.len(), 40);
    let last = stand.broker.last(&partition(0)).await?;
    assert_eq!(last.map(|part| part.sequence), Some(expected));
    Ok(())
}

#[tokio::test]
async fn the_largest_payload_is_the_server_s() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    eventually("the broker is connected", || async {
        stand.broker.is_connected()
    })
    .await?;
    let server = stand.cluster.client.server_info().max_payload;
    assert_eq!(stand.broker.max_payload(), server);
    Ok(())
}

#[tokio::test]
async fn messages_between_two_sequences_are_counted() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    // Odd sequences are on `in.a`, even ones on `in.b`.
    for _ in 0..10 {
        stand.cluster.publish("in.a", ["x"]).await?;
        stand.cluster.publish("in.b", ["x"]).await?;
    }
    stand
        .ask("STREAM.MSG.DELETE.IN", serde_json::json!({ "seq": 6 }))
        .await?;
    let all = ["in.>"];
    let both = ["in.a", "in.b"];
    for (subjects, from, to, wanted) in [
        (&all[..], 1, 20, 19),
        (&both, 1, 20, 19),
        (&both[..1], 1, 20, 10),
        (&both[1..], 1, 20, 9),
        (&both[1..], 2, 8, 3),
        (&both[..1], 4, 4, 0),
        (&both[..1], 5, 5, 1),
        (&all, 20, 1_000, 1),
        (&all, 21, 1_000, 0),
    ] {
        let subjects: Vec<String> = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let counted = Streams::count(&stand.broker, "IN", &subjects, from, to).await?;
        assert_eq!(counted, Some(wanted), "{subjects:?} from {from} to {to}");
    }
    assert!(stand.consumers("IN").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_was_purged_or_acknowledged_is_not_counted_as_missing() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.cluster.stream("IN", &["in.>"]).await?;
    stand.stream_kept("WORK", RetentionPolicy::WorkQueue).await?;
    for subject in ["in.x", "work.x"] {
        stand.cluster.publish(subject, ["x"; 5]).await?;
    }
    stand
        .ask("STREAM.PURGE.IN", serde_json::json!({ "seq": 3 }))
        .await?;
    for (stream, subject, from, counted) in [
        ("IN", "in.>", 1, None),
        ("IN", "in.>", 3, Some(3)),
        ("WORK", "work.>", 1, None),
    ] {
        let found = Streams::count(&stand.broker, stream, &[subject.to_owned()], from, 5).await?;
        assert_eq!(found, counted, "{stream} from {from}");
    }
    Ok(())
}

fn of_life(life: &str) -> OwnStream {
    OwnStream {
        life: life.parse().expect("a life of the tests is a life"),
        ..own()
    }
}

#[tokio::test]
async fn a_stream_of_another_life_is_neither_used_nor_removed() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let (old, new) = (
        of_life("00000000000000000000000000000001"),
        of_life("00000000000000000000000000000002"),
    );
    let made = stand.broker.create_own(&old).await?;
    assert_eq!((made.life, made.is_engines), (old.life, true));
    stand.broker.commit(&batch([0], &["r"], 0)).await?;
    for refused in [
        stand.broker.create_own(&new).await,
        stand.broker.bring_own(&new, true).await,
        stand.broker.create_own(&own()).await,
    ] {
        assert!(matches!(refused, Err(OwnError::Foreign { .. })), "{refused:?}");
    }
    stand.broker.remove_own(&pipeline(), new.life).await?;
    stand.broker.remove_own(&pipeline(), Life::UNNAMED).await?;
    assert_eq!(stand.broker.stream(OWN).await?.created, made.created);
    stand.broker.remove_own(&pipeline(), old.life).await?;
    assert!(matches!(
        stand.broker.bring_own(&old, false).await,
        Err(OwnError::Gone(name)) if name == OWN
    ));
    stand.broker.create_own(&new).await?;
    assert_eq!(stand.broker.own_streams().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_stream_is_ones_own_by_its_life_whatever_its_description_says() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let own = of_life("0123456789abcdef0123456789abcdef");
    stand.broker.create_own(&own).await?;
    let jetstream = &stand.cluster.jetstream;
    let config =
        async || -> anyhow::Result<_> { Ok(jetstream.get_stream(OWN).await?.get_info().await?.config) };
    let made = config().await?;
    let mut edited = made.clone();
    edited.description = Some("mine".to_owned());
    jetstream.update_stream(edited.clone()).await?;
    stand.broker.bring_own(&own, false).await?;
    assert_eq!(config().await?.description, made.description, "it is given back");
    jetstream.update_stream(edited).await?;
    assert_eq!(stand.broker.own_streams().await?.len(), 1);
    stand.broker.remove_own(&pipeline(), own.life).await?;
    assert!(stand.broker.own_streams().await?.is_empty());
    // One that is somebody's.
    stand.cluster.stream(OWN, &["elsewhere.>"]).await?;
    for refused in [
        stand.broker.create_own(&own).await,
        stand.broker.bring_own(&own, true).await,
    ] {
        assert!(matches!(refused, Err(OwnError::Theirs(_))), "{refused:?}");
    }
    stand.broker.remove_own(&pipeline(), own.life).await?;
    assert!(stand.broker.stream(OWN).await.is_ok(), "it stays");
    Ok(())
}

#[tokio::test]
async fn a_partition_begins_once() -> anyhow::Result<()> {
    let stand = Stand::with_own_stream().await?;
    let first = stand.broker.begin(&partition(0), "r0".into()).await?;
    assert_eq!(stand.broker.begin(&partition(0), "r0".into()).await?, first);
    // The fence of a commit that expects nothing before it finds the beginning in its way.
    let stray = stand.broker.commit(&batch([0], &["r"], 0)).await;
    assert!(stray.is_err(), "{stray:?}");
    stand.broker.commit(&batch([0], &["r"], first)).await?;
    Ok(())
}
