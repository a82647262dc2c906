//! Snapshots of a partition: so that recovery is short and old records can go. A snapshot is the export of a
//! state store, compressed, with a checksum and the hash of what it holds; older records are purged only
//! after it has been read back and verified.
//!
//! Why: docs/decisions/0045-exports-copy-on-write.md

use std::collections::BTreeMap;

use bytes::Bytes;
use tailrace_core::{
    failpoint::{self, Point},
    identity::PartitionId,
    ports::{
        broker::BrokerError,
        store::{Applied, PartitionStore, StoreError},
    },
    world::World,
};

use crate::partition::recover_error::RecoverError;

/// Snapshots that are kept: the newest, and one more in case it proves damaged.
const KEPT: usize = 2;

const CHECKSUM: &str = "crc32";
const COMMIT: &str = "commit";
const SEQUENCE: &str = "sequence";

/// Making a snapshot failed; the partition goes on without.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The broker's fault.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The local store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read back is not what was written.
    #[error("the snapshot of commit {0} does not read back as it was written")]
    Unfaithful(u64),
}

/// Exports the state store. On a thread that may block.
pub fn export(state_store: &dyn PartitionStore) -> Result<(Applied, Vec<Bytes>), StoreError> {
    let mut chunks = Vec::new();
    let applied = state_store.export(&mut |chunk| {
        chunks.push(Bytes::from(lz4_flex::compress_prepend_size(chunk)));
        Ok(())
    })?;
    Ok((applied, chunks))
}

/// Stores an export, verifies it, and purges the records and snapshots that it replaces.
pub async fn store(
    world: &World,
    partition: &PartitionId,
    applied: Applied,
    chunks: Vec<Bytes>,
) -> Result<(), SnapshotError> {
    let framed: Vec<Bytes> = chunks
        .iter()
        .flat_map(|chunk| [frame(chunk), chunk.clone()])
        .collect();
    let checksum = checksum(&framed.concat());
    let metadata = BTreeMap::from([
        (CHECKSUM.to_owned(), checksum.clone()),
        (COMMIT.to_owned(), applied.commit.to_string()),
        (SEQUENCE.to_owned(), applied.sequence.to_string()),
    ]);
    world
        .snapshots
        .put(partition, applied.commit, metadata, framed)
        .await?;
    let stored = world.snapshots.get(partition, applied.commit).await?;
    if stored.is_none_or(|(_, bytes)| crate::partition::snapshot::checksum(&bytes) != checksum) {
        world.snapshots.delete(partition, applied.commit).await?;
        return Err(SnapshotError::Unfaithful(applied.commit));
    }
    failpoint::pass(Point::SnapshotStored);
    let older = world.snapshots.list(partition).await?;
    for commit in older
        .into_iter()
        .filter(|commit| *commit <= applied.commit)
        .skip(KEPT)
    {
        world.snapshots.delete(partition, commit).await?;
    }
    // The record of the snapshot's own commit stays: it may be the last, which tells the position.
    world.commits.purge_before(partition, applied.sequence).await?;
    failpoint::pass(Point::SnapshotPurged);
    Ok(())
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

fn frame(chunk: &Bytes) -> Bytes {
    Bytes::copy_from_slice(&(chunk.len() as u32).to_le_bytes())
}

/// Of which commit a snapshot is, and where its record lay; none where it does not say.
pub(super) async fn applied(
    world: &World,
    partition: &PartitionId,
    commit: u64,
) -> Result<Option<Applied>, BrokerError> {
    let found = world.snapshots.get(partition, commit).await?;
    let sequence = found.and_then(|(metadata, _)| metadata.get(SEQUENCE)?.parse().ok());
    Ok(sequence.map(|sequence| Applied { commit, sequence }))
}

/// Restores the newest snapshot up to a commit that is sound into an empty state store; leaves it empty where there is
/// none. A later one is of commits that are no more: the stream was restored from before.
pub(super) async fn restore_newest(
    world: &World,
    partition: &PartitionId,
    state_store: &dyn PartitionStore,
    last: u64,
) -> Result<(), RecoverError> {
    if let Some(chunks) = newest(world, partition, last).await? {
        let applied = state_store.import(&mut chunks.into_iter())?;
        tracing::info!(commit = applied.commit, "restored from a snapshot");
    }
    Ok(())
}

/// The chunks of the newest snapshot up to a commit that is sound.
pub(crate) async fn newest(
    world: &World,
    partition: &PartitionId,
    last: u64,
) -> Result<Option<Vec<Vec<u8>>>, BrokerError> {
    let commits = world.snapshots.list(partition).await?;
    for commit in commits.into_iter().filter(|commit| *commit <= last) {
        let Some((metadata, bytes)) = world.snapshots.get(partition, commit).await? else {
            continue;
        };
        if metadata.get(CHECKSUM) != Some(&checksum(&bytes)) {
            tracing::error!(commit, "a snapshot is damaged; trying the one before");
            continue;
        }
        let Some(chunks) = unframe(&bytes) else {
            tracing::error!(commit, "a snapshot cannot be read; trying the one before");
            continue;
        };
        return Ok(Some(chunks));
    }
    Ok(None)
}

fn unframe(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (chunk, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        chunks.push(lz4_flex::decompress_size_prepended(chunk).ok()?);
        bytes = rest;
    }
    Some(chunks)
}
