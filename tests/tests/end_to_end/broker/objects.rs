//! Object stores, in the form of every NATS client: nothing but objects is left on the broker, neither consumers
//! nor marks nor chunks of uploads that were cut off, and what is read is whole.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use serde_json::{Value, json};
use tailrace_core::{
    identity::Digest,
    ports::{
        broker::{Snapshots, Streams as _},
        registry::RegistryStore as _,
    },
};
use tailrace_nats::async_nats::jetstream::object_store::ObjectStore;
use tailrace_tests::cluster::{BrokerOptions, Cluster, eventually};
use tokio::io::AsyncReadExt as _;

use super::{Stand, connect, partition};

const PLUGINS: &str = "OBJ_tailrace_plugins";
const SNAPSHOTS: &str = "OBJ_tailrace_snapshots";

/// Bytes that differ from place to place, and from one `seed` to the next.
fn bytes(length: usize, seed: u8) -> Bytes {
    (0..length).map(|place| seed ^ (place % 251) as u8).collect()
}

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// A stand whose broker takes messages of so many bytes.
async fn stand_with_max_payload(limit: &str) -> anyhow::Result<Stand> {
    let options = BrokerOptions {
        more: format!("max_payload: {limit}"),
        ..BrokerOptions::default()
    };
    let cluster = Cluster::start_with(&options).await?;
    let broker = connect(&cluster.url(), Duration::from_secs(10)).await?;
    eventually("the broker is connected", || async { broker.is_connected() }).await?;
    Ok(Stand { cluster, broker })
}

fn snapshots(stand: &Stand) -> &dyn Snapshots {
    &stand.broker
}

/// How many messages each subject of a bucket holds.
async fn held(stand: &Stand, stream: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let request = json!({ "subjects_filter": ">" });
    let info = stand.ask(&format!("STREAM.INFO.{stream}"), request).await?;
    Ok(serde_json::from_value(info["state"]["subjects"].clone()).unwrap_or_default())
}

async fn store(stand: &Stand) -> anyhow::Result<ObjectStore> {
    Ok(stand
        .cluster
        .jetstream
        .get_object_store("tailrace_snapshots")
        .await?)
}

/// The name that a snapshot of partition 0 has in the bucket.
fn name(commit: u64) -> String {
    format!("{}/{commit}", partition(0).place())
}

#[tokio::test]
async fn objects_come_and_go_without_a_consumer() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    let component = bytes(300_000, 1);
    let digest = Digest::of(&component);
    for commit in 1..=20 {
        stand.broker.put_plugin(digest, component.clone()).await?;
        assert_eq!(stand.broker.plugin(digest).await?.as_ref(), Some(&component));
        assert_eq!(stand.broker.plugin_digests().await?, [digest]);
        snapshots(&stand)
            .put(&of, commit, none(), vec![bytes(10, 2)])
            .await?;
        assert!(snapshots(&stand).get(&of, commit).await?.is_some());
        assert_eq!(snapshots(&stand).list(&of).await?.len() as u64, commit);
        assert_eq!(snapshots(&stand).partitions().await?, std::slice::from_ref(&of));
    }
    for stream in [PLUGINS, SNAPSHOTS] {
        assert_eq!(stand.consumers(stream).await?, Vec::<String>::new(), "{stream}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let component = bytes(300_000, 1);
    let digest = Digest::of(&component);
    stand.broker.put_plugin(digest, component).await?;
    snapshots(&stand)
        .put(&partition(0), 7, none(), vec![bytes(10, 2)])
        .await?;
    for _ in 0..2 {
        let until = stand.broker.stored_until().await?;
        stand.broker.delete_plugin(digest, until).await?;
        snapshots(&stand).delete(&partition(0), 7).await?;
        for stream in [PLUGINS, SNAPSHOTS] {
            assert_eq!(held(&stand, stream).await?, BTreeMap::new(), "{stream}");
        }
    }
    assert!(stand.broker.plugin(digest).await?.is_none());
    assert!(stand.broker.plugin_digests().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_deletion_leaves_what_was_stored_after_it_was_decided() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let component = bytes(300_000, 1);
    let digest = Digest::of(&component);
    assert_eq!(stand.broker.stored_until().await?, 0, "there is no bucket yet");
    stand.broker.delete_plugin(digest, 0).await?;
    stand.broker.put_plugin(digest, component.clone()).await?;
    let decided = stand.broker.stored_until().await?;
    // Another tenant's upload of the same bytes.
    stand.broker.put_plugin(digest, component.clone()).await?;
    for until in [0, decided] {
        stand.broker.delete_plugin(digest, until).await?;
        assert_eq!(stand.broker.plugin(digest).await?.as_ref(), Some(&component));
    }
    let until = stand.broker.stored_until().await?;
    stand.broker.delete_plugin(digest, until).await?;
    assert!(stand.broker.plugin(digest).await?.is_none());
    assert_eq!(held(&stand, PLUGINS).await?, BTreeMap::new());
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_is_not_there_holds_nothing_and_is_made_again() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    for round in 0..2 {
        assert!(snapshots(&stand).get(&of, 1).await?.is_none());
        assert!(snapshots(&stand).list(&of).await?.is_empty());
        snapshots(&stand).delete(&of, 1).await?;
        snapshots(&stand)
            .put(&of, 1, none(), vec![bytes(10, round)])
            .await?;
        assert!(snapshots(&stand).get(&of, 1).await?.is_some());
        stand
            .ask(&format!("STREAM.DELETE.{SNAPSHOTS}"), Value::Null)
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_broker_that_takes_small_messages_takes_large_objects() -> anyhow::Result<()> {
    let mut stand = stand_with_max_payload("1MB").await?;
    let (first, second) = (bytes(1_000_000, 1), bytes(1_000_000, 2));
    stand.broker.put_plugin(Digest::of(&first), first.clone()).await?;
    // It comes back with another limit, and the engine has not been told.
    stand
        .cluster
        .reconfigure("max_payload: 1MB", "max_payload: 64KB")?;
    stand.cluster.restart().await?;
    eventually("the limit is known", || async {
        stand.broker.max_payload() < 100_000
    })
    .await?;
    for component in [first, second] {
        let digest = Digest::of(&component);
        stand.broker.put_plugin(digest, component.clone()).await?;
        assert_eq!(stand.broker.plugin(digest).await?, Some(component));
    }
    Ok(())
}

#[tokio::test]
async fn an_object_without_bytes_is_an_object() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    snapshots(&stand).put(&of, 3, none(), Vec::new()).await?;
    assert_eq!(snapshots(&stand).list(&of).await?, [3]);
    assert_eq!(snapshots(&stand).get(&of, 3).await?, Some((none(), Vec::new())));
    Ok(())
}

#[tokio::test]
async fn other_clients_read_and_delete_what_the_engine_stores() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let (of, content) = (partition(0), bytes(400_000, 3));
    let metadata = BTreeMap::from([("commit".to_owned(), "7".to_owned())]);
    snapshots(&stand)
        .put(&of, 7, metadata, vec![content.clone()])
        .await?;
    let store = store(&stand).await?;
    let mut object = store.get(name(7)).await?;
    let mut read = Vec::new();
    object.read_to_end(&mut read).await?;
    assert!(read == content && object.info.metadata["commit"] == "7");
    store.delete(name(7)).await?;
    assert_eq!(
        held(&stand, SNAPSHOTS).await?.len(),
        1,
        "such a client leaves a mark"
    );
    assert!(snapshots(&stand).get(&of, 7).await?.is_none());
    assert!(snapshots(&stand).list(&of).await?.is_empty());
    assert_eq!(held(&stand, SNAPSHOTS).await?, BTreeMap::new());
    Ok(())
}

#[tokio::test]
async fn the_engine_reads_lists_replaces_and_deletes_what_other_clients_store() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    snapshots(&stand).put(&of, 1, none(), vec![bytes(10, 1)]).await?;
    let store = store(&stand).await?;
    let content = bytes(400_000, 4);
    for commit in [2, 3] {
        store.put(name(commit).as_str(), &mut &content[..]).await?;
    }
    assert_eq!(snapshots(&stand).list(&of).await?, [3, 2, 1]);
    assert_eq!(
        snapshots(&stand).get(&of, 3).await?.map(|(_, bytes)| bytes),
        Some(content.to_vec())
    );
    snapshots(&stand).put(&of, 2, none(), vec![bytes(10, 2)]).await?;
    snapshots(&stand).delete(&of, 3).await?;
    assert_eq!(snapshots(&stand).list(&of).await?, [2, 1]);
    // Of each that is left, metadata and one chunk.
    let held = held(&stand, SNAPSHOTS).await?;
    assert!(
        held.len() == 4 && held.values().all(|count| *count == 1),
        "{held:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_bucket_without_direct_gets_is_read_from_its_leader() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let (of, content) = (partition(0), bytes(700_000, 5));
    snapshots(&stand)
        .put(&of, 1, none(), vec![content.clone()])
        .await?;
    let info = stand
        .ask(&format!("STREAM.INFO.{SNAPSHOTS}"), Value::Null)
        .await?;
    let mut config = info["config"].clone();
    config["allow_direct"] = json!(false);
    stand.ask(&format!("STREAM.UPDATE.{SNAPSHOTS}"), config).await?;
    let read = snapshots(&stand).get(&of, 1).await?.map(|(_, bytes)| bytes);
    assert!(read.is_some_and(|read| read == content));
    assert_eq!(snapshots(&stand).list(&of).await?, [1]);
    Ok(())
}

#[tokio::test]
async fn a_damaged_object_is_none_and_can_be_stored_again() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let component = bytes(700_000, 6);
    let digest = Digest::of(&component);
    stand.broker.put_plugin(digest, component.clone()).await?;
    // The second of its chunks.
    let gone = json!({ "seq": 2 });
    stand.ask(&format!("STREAM.MSG.DELETE.{PLUGINS}"), gone).await?;
    assert!(stand.broker.plugin(digest).await?.is_none());
    stand.broker.put_plugin(digest, component.clone()).await?;
    assert_eq!(stand.broker.plugin(digest).await?, Some(component));
    assert_eq!(
        held(&stand, PLUGINS).await?.len(),
        2,
        "the damaged chunks are gone"
    );
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_read_whole() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    let contents: Vec<Bytes> = (0..8).map(|seed| bytes(1_500_000, seed)).collect();
    snapshots(&stand)
        .put(&of, 1, none(), vec![contents[0].clone()])
        .await?;
    let writing = async {
        for content in &contents {
            snapshots(&stand)
                .put(&of, 1, none(), vec![content.clone()])
                .await?;
        }
        anyhow::Ok(())
    };
    let mut writing = pin!(writing);
    loop {
        tokio::select! {
            written = &mut writing => break written?,
            read = snapshots(&stand).get(&of, 1) => {
                let read = read?.map(|(_, bytes)| bytes);
                assert!(read.is_some_and(|read| contents.iter().any(|content| *content == read)));
            }
        }
    }
    assert_eq!(held(&stand, SNAPSHOTS).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn of_uploads_of_one_name_at_once_one_is_stored_and_all_succeed() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let component = bytes(500_000, 7);
    let digest = Digest::of(&component);
    let uploads = (0..12).map(|_| stand.broker.put_plugin(digest, component.clone()));
    for outcome in join_all(uploads).await {
        outcome?;
    }
    assert_eq!(stand.broker.plugin(digest).await?, Some(component));
    assert_eq!(held(&stand, PLUGINS).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_an_upload_that_was_cut_off_left_is_listed_last_and_deleted() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let (of, other) = (partition(0), partition(1));
    for commit in [1, 2] {
        snapshots(&stand)
            .put(&of, commit, none(), vec![bytes(10, 1)])
            .await?;
    }
    for moment in 0..20 {
        // Dropped before it has begun, in the middle, or when it is done.
        let upload = snapshots(&stand).put(&other, 9, none(), vec![bytes(4_000_000, moment)]);
        let _ = tokio::time::timeout(Duration::from_millis(moment.into()), upload).await;
    }
    // One that certainly was cut off, by its one chunk.
    snapshots(&stand).put(&of, 5, none(), vec![bytes(10, 1)]).await?;
    let subjects = held(&stand, SNAPSHOTS).await?.into_keys();
    let metadata = stand_metadata(subjects, 5);
    let purge = json!({ "filter": metadata });
    stand.ask(&format!("STREAM.PURGE.{SNAPSHOTS}"), purge).await?;
    assert_eq!(snapshots(&stand).list(&of).await?, [2, 1, 5]);
    assert!(snapshots(&stand).get(&of, 5).await?.is_none());
    assert!(snapshots(&stand).partitions().await?.contains(&of));
    eventually("nothing is left", || async {
        for partition in snapshots(&stand).partitions().await.unwrap_or_default() {
            for commit in snapshots(&stand).list(&partition).await.unwrap_or_default() {
                let _ = snapshots(&stand).delete(&partition, commit).await;
            }
        }
        held(&stand, SNAPSHOTS).await.is_ok_and(|held| held.is_empty())
    })
    .await
}

/// Where the metadata of this snapshot lie.
fn stand_metadata(subjects: impl Iterator<Item = String>, commit: u64) -> Option<String> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::URL_SAFE.encode(name(commit));
    let mut subjects = subjects.filter(|subject| subject.contains(".M."));
    subjects.find(|subject| subject.ends_with(&encoded))
}

#[tokio::test]
async fn a_limit_that_is_raised_is_known_once_it_is_asked() -> anyhow::Result<()> {
    let stand = stand_with_max_payload("64KB").await?;
    assert!(stand.broker.asked_max_payload().await < 100_000);
    stand
        .cluster
        .reconfigure("max_payload: 64KB", "max_payload: 1MB")?;
    eventually("the raised limit is known", || async {
        stand.broker.asked_max_payload().await > 900_000
    })
    .await?;
    stand
        .cluster
        .reconfigure("max_payload: 1MB", "max_payload: 32KB")?;
    eventually("so is a lower one", || async {
        stand.broker.asked_max_payload().await < 40_000
    })
    .await
}
