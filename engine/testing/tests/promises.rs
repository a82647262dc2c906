//! What the broker and the store promise, beyond what the simulation asks of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    delta::Delta,
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    manifest::{Delivery, OnLoss, Start},
    name::Name,
    ports::{
        broker::{
            BrokerError, CommitBatch, CommitError, CommitLog as _, DeadLetters, Incoming, Input as _,
            InputError, Output, OwnStream, Snapshots, Streams, SubscribeRequest, Subscription,
        },
        registry::{Bucket as _, RegistryStore as _, WriteError},
        store::{Applied, LocalStore as _},
    },
    subject,
    vectors::{Metric, Search},
};
use tailrace_testing::{
    broker::{Generated, MemoryBroker, Options},
    link::Service,
    registry::{MemoryRegistry, bucket::MemoryBucket},
    store::{Content, MemoryStore},
};

fn pipeline() -> PipelineId {
    PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new("clicks").unwrap(),
    }
}

fn partition() -> PartitionId {
    PartitionId {
        pipeline: pipeline(),
        life: Life::UNNAMED,
        partition: 0,
    }
}

fn output(subject: &str, payload: &'static [u8]) -> Output {
    Output {
        subject: subject.to_owned(),
        headers: Vec::new(),
        payload: payload.into(),
        id: None,
        keep: None,
    }
}

fn batch(expected: u64) -> CommitBatch {
    CommitBatch {
        partition: partition(),
        delivery: Delivery::ExactlyOnce,
        outputs: vec![output("out.a", b"one")],
        record: vec![Bytes::from_static(b"head"), Bytes::from_static(b"tail")],
        expected,
    }
}

fn own(keep_bytes: Option<u64>) -> OwnStream {
    OwnStream {
        life: Life::UNNAMED,
        pipeline: pipeline(),
        output_pattern: Some("out.>".to_owned()),
        keep_age: None,
        keep_bytes,
        replicas: None,
    }
}

async fn subscribe(broker: &MemoryBroker, start: Start) -> Result<Box<dyn Subscription>, InputError> {
    let request = SubscribeRequest {
        pipeline: pipeline(),
        role: "input".to_owned(),
        engine: Name::new("engine").unwrap(),
        stream: "IN".to_owned(),
        subjects: vec!["in.a".to_owned()],
        from_sequence: None,
        start,
        stream_created: None,
        witness: None,
        on_loss: OnLoss::Park,
        accepted_loss: 0,
        keeps_newest: false,
        watch: Arc::default(),
    };
    broker.subscribe(request).await
}

#[tokio::test]
async fn a_commit_is_whole_and_behind_the_expected_record() {
    let broker = MemoryBroker::new(Options::default());
    broker.create_own(&own(None)).await.unwrap();
    assert_eq!(broker.commit(&batch(0)).await.unwrap(), 3);
    let late = broker.commit(&batch(0)).await;
    assert!(
        matches!(late, Err(CommitError::Fenced { expected: 0 })),
        "{late:?}"
    );
    assert_eq!(broker.commit(&batch(3)).await.unwrap(), 6);
    let books = broker.books(&pipeline()).await.unwrap();
    assert_eq!((books.stored, books.redriven, books.records.len()), (6, 0, 1));
    let parts = broker.after(&partition(), 2, 10).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.sequence).collect::<Vec<_>>(),
        [3, 5, 6]
    );
    broker.purge_before(&partition(), 6).await.unwrap();
    assert_eq!(broker.after(&partition(), 0, 10).await.unwrap().len(), 1);
    assert_eq!(broker.last(&partition()).await.unwrap().unwrap().sequence, 6);
}

#[tokio::test]
async fn a_broker_that_keeps_no_commits_takes_them_all_the_same() {
    let broker = MemoryBroker::new(Options {
        keeps_commits: false,
        ..Options::default()
    });
    assert_eq!(broker.commit(&batch(0)).await.unwrap(), 3);
    assert_eq!(broker.commit(&batch(3)).await.unwrap(), 6);
    assert!(broker.last(&partition()).await.unwrap().is_none());
    // As one in which nothing was ever committed: a pipeline starts on it, and finds no record that is gone.
    let books = broker.books(&pipeline()).await.unwrap();
    assert_eq!((books.stored, books.records.len()), (0, 0));
}

#[tokio::test]
async fn outputs_that_nobody_confirms_reach_their_stream_and_the_oldest_are_trimmed() {
    let broker = MemoryBroker::new(Options::default());
    broker.create_own(&own(None)).await.unwrap();
    let outputs = [
        output("out.a", b"first"),
        output("out.b", b"second"),
        output("else", b"x"),
    ];
    let late = broker.publish_unconfirmed(&partition(), 7, &outputs).await;
    assert!(
        matches!(late, Err(CommitError::Fenced { expected: 7 })),
        "{late:?}"
    );
    broker
        .publish_unconfirmed(&partition(), 0, &outputs)
        .await
        .unwrap();
    let stream = subject::stream_name(&pipeline());
    assert_eq!(broker.messages(&stream, ">").len(), 2);
    broker.trim_outputs(&own(Some(6))).await.unwrap();
    let left = broker.messages(&stream, ">");
    assert_eq!((left.len(), &left[0].payload[..]), (1, &b"second"[..]));
    assert_eq!(
        broker.publish(&stream, "out.c", "third"),
        3,
        "no sequence comes twice"
    );
    assert_eq!(broker.streams_with("out.x").await.unwrap(), [stream]);
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_once() {
    let broker = MemoryBroker::new(Options::default());
    let stream = subject::stream_name(&pipeline());
    let dead = subject::dead_subject(&pipeline());
    let sequence = broker.publish(&stream, &dead, "event");
    let letters: &dyn DeadLetters = &broker;
    let letter = letters.get(&pipeline(), sequence).await.unwrap().unwrap();
    // The second one is told that it was not the one.
    for is_first in [true, false] {
        assert_eq!(broker.redrive(&pipeline(), &letter).await.unwrap(), is_first);
    }
    let again = broker.messages(&stream, &subject::redrive_patterns(&pipeline())[0]);
    assert_eq!((again.len(), &again[0].payload[..]), (1, &b"event"[..]));
    assert_eq!(letters.count(&pipeline()).await.unwrap(), 0);
    assert_eq!(broker.books(&pipeline()).await.unwrap().redriven, 1);
}

#[tokio::test]
async fn a_subscription_gives_its_subjects_in_order_and_waits_for_more() {
    let broker = MemoryBroker::new(Options::default());
    assert!(matches!(
        subscribe(&broker, Start::All).await,
        Err(InputError::Deleted(_))
    ));
    for subject in ["in.a", "in.b", "in.a"] {
        broker.publish("IN", subject, subject.to_owned());
    }
    let mut all = subscribe(&broker, Start::All).await.unwrap();
    let mut new = subscribe(&broker, Start::New).await.unwrap();
    let sequences = |batch: Vec<Incoming>| batch.iter().map(|message| message.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(all.next(10).await.unwrap()), [1, 3]);
    let waiting = tokio::time::timeout(Duration::from_millis(5), new.next(10)).await;
    assert!(waiting.is_err(), "nothing new is there");
    broker.publish("IN", "in.a", "more");
    assert_eq!(sequences(all.next(10).await.unwrap()), [4]);
    assert_eq!(sequences(new.next(10).await.unwrap()), [4]);
    let facts = broker.stream("IN").await.unwrap();
    let subjects = ["in.a".to_owned()];
    assert_eq!((facts.first_sequence, facts.last_sequence), (1, 4));
    let streams: &dyn Streams = &broker;
    assert_eq!(streams.count("IN", &subjects, 2, 4).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_generated_stream_ends_where_it_says() {
    let broker = MemoryBroker::new(Options::default());
    let payloads = vec![Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
    let generated = Generated {
        subjects: vec!["in.a".to_owned()],
        payloads,
        count: 3,
    };
    broker.generate("IN", generated);
    let mut all = subscribe(&broker, Start::All).await.unwrap();
    let batch = all.next(2).await.unwrap();
    assert_eq!((batch.len(), &batch[0].payload[..]), (2, &b"one"[..]));
    assert_eq!(all.next(2).await.unwrap().len(), 1);
    let end = tokio::time::timeout(Duration::from_millis(5), all.next(2)).await;
    assert!(end.is_err(), "there is no fourth");
}

#[tokio::test]
async fn an_outage_ends_when_it_is_mended() {
    let broker = MemoryBroker::new(Options::default());
    broker.publish("IN", "in.a", "one");
    for service in [Service::Input, Service::Snapshots, Service::Removal] {
        broker.link().cut(service);
    }
    let kept: &dyn Snapshots = &broker;
    let mut snapshots = kept.list(&partition()).await;
    assert!(matches!(snapshots, Err(BrokerError::Unreachable(_))));
    assert!(broker.remove_own(&pipeline(), Life::UNNAMED).await.is_err());
    assert!(broker.stream("IN").await.is_ok(), "the rest works");
    let mend = async {
        tokio::task::yield_now().await;
        broker.link().mend(Service::Input);
    };
    let (subscription, ()) = tokio::join!(subscribe(&broker, Start::All), mend);
    assert_eq!(subscription.unwrap().next(9).await.unwrap().len(), 1);
    broker.link().mend(Service::Snapshots);
    let metadata = BTreeMap::new();
    broker
        .put(&partition(), 4, metadata, vec![b"a".as_slice().into()])
        .await
        .unwrap();
    snapshots = kept.list(&partition()).await;
    assert_eq!(snapshots.unwrap(), [4]);
    broker.link().set_connected(false);
    assert!(!broker.is_connected());
    assert!(broker.stream("IN").await.is_err());
}

#[tokio::test]
async fn a_bucket_compares_and_a_watch_gives_every_change() {
    let bucket = MemoryBucket::default();
    let first = bucket.put("a", "1".into(), 0).await.unwrap();
    let conflict = bucket.put("a", "2".into(), 0).await;
    assert!(matches!(conflict, Err(WriteError::Conflict(_))), "{conflict:?}");
    let mut watch = bucket.watch().await.unwrap();
    bucket.put("a", "2".into(), first).await.unwrap();
    bucket.delete("a").await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().value.unwrap(), "1");
    assert!(
        watch.next().await.unwrap().is_none(),
        "that was all at the beginning"
    );
    assert_eq!(watch.next().await.unwrap().unwrap().value.unwrap(), "2");
    assert!(watch.next().await.unwrap().unwrap().value.is_none());
    let registry = MemoryRegistry::new(MemoryBroker::new(Options::default()).link().clone());
    let digest = registry.hold_plugin("code".into());
    assert_eq!(digest, Digest::of(b"code"));
    assert_eq!(registry.plugin(digest).await.unwrap().unwrap(), "code");
}

#[test]
fn an_image_has_a_new_version_after_each_change_and_moves_as_a_whole() {
    let store = MemoryStore::default();
    let mut content = Content::default();
    content.set("count", "k", b"1", Some(10));
    content.set_vector("users", "far", &[1.0, 0.0]);
    content.set_vector("users", "near", &[0.0, 2.0]);
    store.hold(&partition(), content);
    let state_store = store.existing(&partition()).unwrap().unwrap();
    let before = state_store.version();
    let applied = Applied {
        commit: 1,
        sequence: 5,
    };
    state_store.apply(&Delta::default(), applied).unwrap();
    assert!(before.is_some() && state_store.version() != before);
    let found = state_store
        .collection("users", 2, Metric::Cosine, Search::Exact)
        .unwrap();
    let ids: Vec<_> = found
        .nearest(&[0.0, 1.0], 2)
        .into_iter()
        .map(|hit| hit.id)
        .collect();
    assert_eq!(ids, ["near", "far"]);
    assert_eq!(
        state_store.expired(10, 9).unwrap(),
        [("count".to_owned(), "k".to_owned())]
    );
    let mut chunks = Vec::new();
    let exported = state_store.export(&mut |chunk| {
        chunks.push(chunk.to_vec());
        Ok(())
    });
    assert_eq!(exported.unwrap(), applied);
    let other = MemoryStore::default();
    let place = partition();
    other.hold_uncounted(&place, Content::default());
    let copy = other.existing(&place).unwrap().unwrap();
    assert_eq!(copy.import(&mut chunks.into_iter()).unwrap(), applied);
    assert_eq!(copy.content_hash().unwrap(), state_store.content_hash().unwrap());
    assert_eq!(copy.version(), None, "nobody keeps count of it");
    other.lose();
    assert!(other.existing(&place).unwrap().is_none());
}
