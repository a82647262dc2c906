//! Snapshots of partitions, as objects of the broker.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::BrokerError;
use crate::identity::PartitionId;

/// Large objects: snapshots of partitions.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Stores a snapshot under the partition's name; replaces none.
    async fn put(
        &self,
        partition: &PartitionId,
        commit: u64,
        metadata: BTreeMap<String, String>,
        chunks: Vec<Bytes>,
    ) -> Result<(), BrokerError>;
    /// Commit numbers of the stored snapshots, newest first.
    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError>;
    /// A snapshot with its metadata.
    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError>;
    /// Deletes a snapshot.
    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError>;
    /// The partitions that have snapshots.
    async fn partitions(&self) -> Result<Vec<PartitionId>, BrokerError>;
}
