//! Snapshots of partitions: large objects that come back byte for byte, newest first.

use std::collections::BTreeMap;

use bytes::Bytes;
use tailrace_core::ports::broker::Snapshots as _;

use super::{Stand, partition};

const MEGABYTE: usize = 1 << 20;

fn metadata(commit: u64) -> BTreeMap<String, String> {
    [
        ("commit".to_owned(), commit.to_string()),
        ("format".to_owned(), "1".to_owned()),
    ]
    .into()
}

/// Five chunks of a megabyte that all differ.
fn chunks() -> Vec<Bytes> {
    (0..5_u8)
        .map(|chunk| (0..MEGABYTE).map(|place| chunk ^ (place % 251) as u8).collect())
        .collect()
}

#[tokio::test]
async fn a_snapshot_of_5_megabytes_comes_back_byte_for_byte() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(3);
    stand.broker.put(&of, 7, metadata(7), chunks()).await?;
    let Some((found, bytes)) = stand.broker.get(&of, 7).await? else {
        anyhow::bail!("the snapshot is not there");
    };
    assert_eq!(found, metadata(7));
    assert!(bytes == chunks().concat());
    Ok(())
}

#[tokio::test]
async fn snapshots_are_listed_newest_first_and_each_partition_s_apart() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    assert!(stand.broker.list(&partition(1)).await?.is_empty());
    for commit in [9, 100, 20] {
        stand
            .broker
            .put(&partition(1), commit, metadata(commit), vec!["x".into()])
            .await?;
    }
    stand
        .broker
        .put(&partition(11), 5, metadata(5), vec!["y".into()])
        .await?;
    assert_eq!(stand.broker.list(&partition(1)).await?, [100, 20, 9]);
    assert_eq!(stand.broker.list(&partition(11)).await?, [5]);
    assert!(stand.broker.get(&partition(1), 5).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_deleted_snapshot_is_gone() -> anyhow::Result<()> {
    let stand = Stand::set().await?;
    let of = partition(0);
    for commit in [1, 2] {
        stand.broker.put(&of, commit, metadata(commit), chunks()).await?;
    }
    stand.broker.delete(&of, 1).await?;
    assert_eq!(stand.broker.list(&of).await?, [2]);
    assert!(stand.broker.get(&of, 1).await?.is_none());
    assert!(stand.broker.get(&of, 2).await?.is_some());
    // The room is free again: what is left is one snapshot.
    let facts = stand
        .ask("STREAM.INFO.OBJ_tailrace_snapshots", serde_json::Value::Null)
        .await?;
    let bytes = facts["state"]["bytes"].as_u64().unwrap_or(u64::MAX) as usize;
    assert!(bytes < 6 * MEGABYTE, "{bytes}");
    Ok(())
}
