//! The registry: a bucket that two writers cannot overwrite each other in, a watch that tells when it
//! has told everything, and plugin bytes that are what their digest says.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bytes::Bytes;
use tailrace_core::{
    identity::Digest,
    ports::registry::{Bucket as _, Entry, RegistryStore as _, Watch, WriteError},
};
use tailrace_tests::cluster::PATIENCE;

use super::Stand;

/// The next entry or the marker; an error of the broker is worth another call.
async fn next(watch: &mut Box<dyn Watch>) -> anyhow::Result<Option<Entry>> {
    let asking = async {
        loop {
            match watch.next().await {
                Ok(entry) => return entry,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .context("the watch says nothing")
}

/// Everything before the marker.
async fn present(watch: &mut Box<dyn Watch>) -> anyhow::Result<BTreeMap<String, Option<Bytes>>> {
    let mut found = BTreeMap::new();
    while let Some(entry) = next(watch).await? {
        found.insert(entry.key, entry.value);
    }
    Ok(found)
}

#[tokio::test]
async fn a_key_is_written_only_over_the_revision_that_was_read() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let broker = &stand.broker;
    assert!(broker.get("tenant.shop").await?.is_none());
    let first = broker.put("tenant.shop", "a".into(), 0).await?;
    for stale in [0, first + 1] {
        let outcome = broker.put("tenant.shop", "b".into(), stale).await;
        assert!(
            matches!(&outcome, Err(WriteError::Conflict(key)) if key == "tenant.shop"),
            "{outcome:?}"
        );
    }
    let second = broker.put("tenant.shop", "b".into(), first).await?;
    let found = broker.get("tenant.shop").await?.context("it is there")?;
    assert_eq!(
        (found.value.as_deref(), found.revision),
        (Some(&b"b"[..]), second)
    );
    broker.put("tenant.other", "c".into(), 0).await?;
    Ok(())
}

#[tokio::test]
async fn of_writers_with_one_revision_one_succeeds() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let writes = (0..10).map(|writer| stand.broker.put("tenant.shop", writer.to_string().into(), 0));
    let outcomes = futures::future::join_all(writes).await;
    let mut winners = Vec::new();
    for (writer, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(_) => winners.push(writer.to_string()),
            Err(WriteError::Conflict(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let stored = stand
        .broker
        .get("tenant.shop")
        .await?
        .and_then(|entry| entry.value);
    assert_eq!(winners.len(), 1);
    assert_eq!(stored.as_deref(), Some(winners[0].as_bytes()));
    Ok(())
}

#[tokio::test]
async fn a_deleted_key_is_written_again_over_its_deletion() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    stand.broker.put("tenant.shop", "a".into(), 0).await?;
    stand.broker.delete("tenant.shop").await?;
    let gone = stand.broker.get("tenant.shop").await?;
    assert!(gone.as_ref().is_none_or(|entry| entry.value.is_none()));
    let revision = gone.map_or(0, |entry| entry.revision);
    stand.broker.put("tenant.shop", "b".into(), revision).await?;
    let again = stand
        .broker
        .get("tenant.shop")
        .await?
        .and_then(|entry| entry.value);
    assert_eq!(again.as_deref(), Some(&b"b"[..]));
    // What never was may be deleted too.
    stand.broker.delete("tenant.never").await?;
    Ok(())
}

#[tokio::test]
async fn a_watch_of_an_empty_bucket_begins_with_the_marker() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let mut watch = stand.broker.watch().await?;
    assert!(next(&mut watch).await?.is_none());
    stand.broker.put("tenant.shop", "1".into(), 0).await?;
    let new = next(&mut watch).await?.context("one marker only")?;
    assert_eq!(new.key, "tenant.shop");
    // And of one from which everything was deleted.
    stand.broker.delete("tenant.shop").await?;
    let mut watch = stand.broker.watch().await?;
    assert_eq!(present(&mut watch).await?.values().flatten().count(), 0);
    Ok(())
}

#[tokio::test]
async fn leases_are_a_bucket_of_their_own() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let (leases, others) = (stand.broker.leases(), stand.broker.leases());
    let first = leases.put("engine.one", "1".into(), 0).await?;
    let taken = others.put("engine.one", "mine".into(), 0).await;
    assert!(matches!(taken, Err(WriteError::Conflict(_))), "{taken:?}");
    let mut watch = others.watch().await?;
    assert_eq!(present(&mut watch).await?.len(), 1);
    leases.put("engine.one", "2".into(), first).await?;
    let renewed = next(&mut watch).await?.context("one marker only")?;
    assert_eq!(renewed.value.as_deref(), Some(&b"2"[..]));
    assert!(stand.broker.get("engine.one").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_plugin_is_what_its_digest_says() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    // Several chunks of the object store.
    let component: Bytes = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = Digest::of(&component);
    assert!(stand.broker.plugin(digest).await?.is_none());
    for _ in 0..2 {
        stand.broker.put_plugin(digest, component.clone()).await?;
        assert!(
            stand
                .broker
                .plugin(digest)
                .await?
                .is_some_and(|found| found == component)
        );
    }
    Ok(())
}

#[tokio::test]
async fn bytes_of_another_digest_are_no_plugin_and_are_replaced() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let component = Bytes::from_static(b"a component");
    let digest = Digest::of(&component);
    stand
        .broker
        .put_plugin(Digest::of(b"else"), "else".into())
        .await?;
    let store = stand
        .cluster
        .jetstream
        .get_object_store("tailrace_plugins")
        .await?;
    store
        .put(digest.to_string().as_str(), &mut &b"something else"[..])
        .await?;
    assert!(stand.broker.plugin(digest).await?.is_none());
    stand.broker.put_plugin(digest, component.clone()).await?;
    assert_eq!(stand.broker.plugin(digest).await?, Some(component));
    Ok(())
}
