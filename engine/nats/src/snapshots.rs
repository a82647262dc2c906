//! Snapshots of partitions: object store `tailrace_snapshots`, one object a snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_nats::jetstream::object_store::ObjectMetadata;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use tailrace_core::{
    identity::PartitionId,
    ports::broker::{BrokerError, Snapshots},
};

use crate::{connect::NatsBroker, error::unreachable, objects};

const SNAPSHOTS: &str = "tailrace_snapshots";

fn name(partition: &PartitionId, commit: u64) -> String {
    format!("{}/{commit}", partition.place())
}

#[async_trait]
impl Snapshots for NatsBroker {
    async fn put(
        &self,
        partition: &PartitionId,
        commit: u64,
        metadata: BTreeMap<String, String>,
        chunks: Vec<Bytes>,
    ) -> Result<(), BrokerError> {
        let store = self.objects(&self.snapshots, SNAPSHOTS).await?;
        let metadata: HashMap<String, String> = metadata.into_iter().collect();
        let object = ObjectMetadata {
            name: name(partition, commit),
            metadata,
            ..ObjectMetadata::default()
        };
        objects::put(store, object, &chunks.concat()).await
    }

    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        let store = self.objects(&self.snapshots, SNAPSHOTS).await?;
        let prefix = format!("{}/", partition.place());
        let mut commits = Vec::new();
        let mut objects = store.list().await.map_err(|cause| unreachable(&cause))?;
        while let Some(object) = objects.next().await {
            let object = object.map_err(|cause| unreachable(&cause))?;
            commits.extend(
                object
                    .name
                    .strip_prefix(&prefix)
                    .and_then(|commit| commit.parse::<u64>().ok()),
            );
        }
        commits.sort_unstable_by(|one, other| other.cmp(one));
        Ok(commits)
    }

    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        let store = self.objects(&self.snapshots, SNAPSHOTS).await?;
        let name = name(partition, commit);
        let Some(bytes) = objects::get(store, &name).await? else {
            return Ok(None);
        };
        let info = store.info(&name).await.map_err(|cause| unreachable(&cause))?;
        Ok(Some((info.metadata.into_iter().collect(), bytes.to_vec())))
    }

    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError> {
        let store = self.objects(&self.snapshots, SNAPSHOTS).await?;
        store
            .delete(name(partition, commit))
            .await
            .map_err(|cause| unreachable(&cause))
    }

    async fn partitions(&self) -> Result<Vec<PartitionId>, BrokerError> {
        let store = self.objects(&self.snapshots, SNAPSHOTS).await?;
        let mut found = BTreeSet::new();
        let mut objects = store.list().await.map_err(|cause| unreachable(&cause))?;
        while let Some(object) = objects.next().await {
            let object = object.map_err(|cause| unreachable(&cause))?;
            let place = object.name.rsplit_once('/').map(|(place, _)| place);
            found.extend(place.and_then(PartitionId::of_place));
        }
        Ok(found.into_iter().collect())
    }
}
