//! What else a broker keeps: snapshots and the registry. A scenario asks no other engine, and has no dead
//! letters but those that its checker reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::{Digest, EngineId, PartitionId, PipelineId},
    ports::{
        broker::*,
        peers::{Peers, Questions},
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
};

use super::SimBroker;

#[async_trait]
impl DeadLetters for SimBroker {
    async fn list(&self, _: &PipelineId, _: u64, _: usize) -> Result<Vec<StoredDeadLetter>, BrokerError> {
        Ok(Vec::new())
    }
    async fn get(&self, _: &PipelineId, _: u64) -> Result<Option<StoredDeadLetter>, BrokerError> {
        Ok(None)
    }
    async fn redrive(&self, _: &PipelineId, _: &StoredDeadLetter) -> Result<(), BrokerError> {
        Ok(())
    }
    async fn count(&self, _: &PipelineId) -> Result<u64, BrokerError> {
        Ok(0)
    }
}

#[async_trait]
impl Snapshots for SimBroker {
    async fn put(
        &self,
        partition: &PartitionId,
        commit: u64,
        metadata: BTreeMap<String, String>,
        chunks: Vec<Bytes>,
    ) -> Result<(), BrokerError> {
        self.request().await?;
        self.state()
            .snapshots
            .insert((partition.clone(), commit), (metadata, chunks.concat()));
        Ok(())
    }
    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        self.request().await?;
        let state = self.state();
        let commits = state
            .snapshots
            .keys()
            .filter(|(of, _)| of == partition)
            .map(|(_, commit)| *commit);
        Ok(commits.rev().collect())
    }
    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        self.request().await?;
        Ok(self.state().snapshots.get(&(partition.clone(), commit)).cloned())
    }
    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError> {
        self.state().snapshots.remove(&(partition.clone(), commit));
        Ok(())
    }
}

#[async_trait]
impl Peers for SimBroker {
    async fn ask(&self, _: &EngineId, _: Bytes) -> Result<Bytes, BrokerError> {
        Err(BrokerError::Unreachable("the scenario asks nothing".to_owned()))
    }
    async fn listen(&self, _: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        Err(BrokerError::Unreachable("the scenario asks nothing".to_owned()))
    }
}

#[async_trait]
impl Bucket for SimBroker {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        let state = self.state();
        let found = state.registry.get(key);
        Ok(found.map(|(value, revision)| Entry {
            key: key.to_owned(),
            value: Some(value.clone()),
            revision: *revision,
        }))
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let mut state = self.state();
        if state.registry.get(key).map_or(0, |(_, revision)| *revision) != expected {
            return Err(WriteError::Conflict(key.to_owned()));
        }
        state.revision += 1;
        let revision = state.revision;
        state.registry.insert(key.to_owned(), (value, revision));
        Ok(revision)
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.state().registry.remove(key);
        Ok(())
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        Err(BrokerError::Unreachable(
            "the scenario sets the registry itself".to_owned(),
        ))
    }
}

#[async_trait]
impl RegistryStore for SimBroker {
    async fn put_plugin(&self, _: Digest, _: Bytes) -> Result<(), BrokerError> {
        Ok(())
    }
    async fn plugin(&self, _: Digest) -> Result<Option<Bytes>, BrokerError> {
        self.request().await?;
        Ok(Some(Bytes::new()))
    }
}
