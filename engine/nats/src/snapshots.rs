//! Snapshots of partitions: object store `tailrace_snapshots`, one object a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::PartitionId,
    ports::broker::{BrokerError, Snapshots},
};

use crate::{
    connect::NatsBroker,
    objects::reading::{Listed, Object},
};

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
        self.objects(SNAPSHOTS)
            .put(&name(partition, commit), metadata, &chunks.concat().into())
            .await
    }

    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        let Listed { objects, cut_off } = self.objects(SNAPSHOTS).list().await?;
        let mut commits = commits_of(partition, &objects);
        // At the end, so that they count for none of those that are kept.
        commits.extend(commits_of(partition, &cut_off));
        Ok(commits)
    }

    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        let found = self.objects(SNAPSHOTS).get(&name(partition, commit)).await?;
        Ok(found.map(|Object { metadata, bytes }| (metadata, bytes)))
    }

    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError> {
        self.objects(SNAPSHOTS).delete(&name(partition, commit)).await
    }

    async fn partitions(&self) -> Result<Vec<PartitionId>, BrokerError> {
        let Listed { objects, cut_off } = self.objects(SNAPSHOTS).list().await?;
        let places = objects.iter().chain(&cut_off).filter_map(|name| {
            let (place, _) = name.rsplit_once('/')?;
            PartitionId::of_place(place)
        });
        let found: BTreeSet<_> = places.collect();
        Ok(found.into_iter().collect())
    }
}

/// Commits of a partition among these names, newest first.
fn commits_of(partition: &PartitionId, names: &BTreeSet<String>) -> Vec<u64> {
    let prefix = format!("{}/", partition.place());
    let of_it = names.iter().filter_map(|name| name.strip_prefix(&prefix));
    let mut commits: Vec<u64> = of_it.filter_map(|commit| commit.parse().ok()).collect();
    commits.sort_unstable_by(|one, other| other.cmp(one));
    commits
}
