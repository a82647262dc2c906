//! Snapshots of partitions, as they were put.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::PartitionId,
    ports::broker::{BrokerError, Snapshots},
};

use super::MemoryBroker;
use crate::{link::Service, sync::lock};

#[async_trait]
impl Snapshots for MemoryBroker {
    async fn put(
        &self,
        partition: &PartitionId,
        commit: u64,
        metadata: BTreeMap<String, String>,
        chunks: Vec<Bytes>,
    ) -> Result<(), BrokerError> {
        let place = (partition.clone(), commit);
        let held = self.0.snapshots.clone();
        let put = move || drop(lock(&held).insert(place, (metadata, chunks.concat())));
        self.0.link.change(Service::Snapshots, put).await
    }

    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        self.0.link.request(Service::Snapshots).await?;
        let held = lock(&self.0.snapshots);
        let own = held.keys().filter(|(of, _)| of == partition);
        Ok(own.map(|(_, commit)| *commit).rev().collect())
    }

    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        self.0.link.request(Service::Snapshots).await?;
        Ok(lock(&self.0.snapshots).get(&(partition.clone(), commit)).cloned())
    }

    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError> {
        let place = (partition.clone(), commit);
        let held = self.0.snapshots.clone();
        let delete = move || drop(lock(&held).remove(&place));
        self.0.link.change(Service::Snapshots, delete).await
    }

    async fn partitions(&self) -> Result<Vec<PartitionId>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let held = lock(&self.0.snapshots);
        let mut partitions: Vec<_> = held.keys().map(|(partition, _)| partition.clone()).collect();
        partitions.dedup();
        Ok(partitions)
    }
}
