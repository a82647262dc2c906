//! A broker that costs nothing: it gives events as fast as they are asked for, and takes every commit.
//! What is measured on it is the engine alone.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::{Digest, EngineId, PartitionId, PipelineId},
    ports::{
        broker::{
            Books, BrokerError, CommitBatch, CommitError, CommitLog, DeadLetters, Incoming, Input,
            InputError, Output, OwnStream, Snapshots, StoredDeadLetter, StoredPart, StreamFacts, Streams,
            SubscribeRequest, Subscription,
        },
        clock::{Clock, Random},
        peers::{Peers, Questions},
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
};

/// Such a broker.
pub struct Nothing {
    /// The events, over and over.
    pub events: Arc<Vec<Bytes>>,
    /// How many there are in all.
    pub count: u64,
    /// The plugin's component.
    pub component: Bytes,
    /// Counts commits, so that each has its sequence.
    pub sequence: AtomicU64,
    /// When it was made.
    pub began: Instant,
}

fn absent<T>() -> Result<T, BrokerError> {
    Err(BrokerError::Unreachable("there is no broker".to_owned()))
}

struct Feed {
    events: Arc<Vec<Bytes>>,
    next: u64,
    count: u64,
}

#[async_trait]
impl Input for Nothing {
    async fn subscribe(&self, _: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError> {
        Ok(Box::new(Feed {
            events: self.events.clone(),
            next: 1,
            count: self.count,
        }))
    }
}

#[async_trait]
impl Subscription for Feed {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        if self.next > self.count {
            std::future::pending::<()>().await;
        }
        let end = self.count.min(self.next + max as u64 - 1);
        let give = |sequence: u64| Incoming {
            sequence,
            received_ms: sequence,
            subject: "bench.in.x".to_owned(),
            headers: Vec::new(),
            payload: self.events[sequence as usize % self.events.len()].clone(),
        };
        let batch = (self.next..=end).map(give).collect();
        self.next = end + 1;
        Ok(batch)
    }

    async fn acknowledge(&mut self, _: u64) {}

    fn rebuilds(&self) -> u64 {
        0
    }
}

#[async_trait]
impl CommitLog for Nothing {
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        let messages = (batch.outputs.len() + batch.record.len()) as u64;
        Ok(self.sequence.fetch_add(messages, Ordering::Relaxed) + messages)
    }
    async fn publish_unconfirmed(&self, _: &[Output]) {}
    async fn last(&self, _: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        Ok(None)
    }
    async fn after(&self, _: &PartitionId, _: u64, _: usize) -> Result<Vec<StoredPart>, BrokerError> {
        Ok(Vec::new())
    }
    async fn books(&self, _: &PipelineId) -> Result<Books, BrokerError> {
        absent()
    }
    async fn purge_before(&self, _: &PartitionId, _: u64) -> Result<(), BrokerError> {
        absent()
    }
}

#[async_trait]
impl Streams for Nothing {
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        Ok(StreamFacts {
            name: name.to_owned(),
            created: String::new(),
            first_sequence: 1,
            last_sequence: self.count,
            bytes: 0,
            subjects: Vec::new(),
            keeps_to_limits: true,
        })
    }
    async fn streams_with(&self, _: &str) -> Result<Vec<String>, BrokerError> {
        Ok(Vec::new())
    }
    async fn ensure_own(&self, own: &OwnStream) -> Result<StreamFacts, BrokerError> {
        self.stream(own.pipeline.pipeline.as_str()).await
    }
    async fn remove_own(&self, _: &PipelineId, _: &str) -> Result<(), BrokerError> {
        Ok(())
    }
    async fn trim_outputs(&self, _: &OwnStream) -> Result<(), BrokerError> {
        Ok(())
    }
    fn max_payload(&self) -> usize {
        1 << 20
    }
    async fn syncs_always(&self) -> Option<bool> {
        None
    }
    fn is_connected(&self) -> bool {
        true
    }
    async fn count(&self, _: &str, _: &[String], _: u64, _: u64) -> Result<Option<u64>, BrokerError> {
        Ok(None)
    }
}

#[async_trait]
impl DeadLetters for Nothing {
    async fn list(&self, _: &PipelineId, _: u64, _: usize) -> Result<Vec<StoredDeadLetter>, BrokerError> {
        absent()
    }
    async fn get(&self, _: &PipelineId, _: u64) -> Result<Option<StoredDeadLetter>, BrokerError> {
        absent()
    }
    async fn redrive(&self, _: &PipelineId, _: &StoredDeadLetter) -> Result<(), BrokerError> {
        absent()
    }
    async fn count(&self, _: &PipelineId) -> Result<u64, BrokerError> {
        absent()
    }
}

#[async_trait]
impl Snapshots for Nothing {
    async fn put(
        &self,
        _: &PartitionId,
        _: u64,
        _: BTreeMap<String, String>,
        _: Vec<Bytes>,
    ) -> Result<(), BrokerError> {
        absent()
    }
    async fn list(&self, _: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        absent()
    }
    async fn get(
        &self,
        _: &PartitionId,
        _: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        absent()
    }
    async fn delete(&self, _: &PartitionId, _: u64) -> Result<(), BrokerError> {
        absent()
    }
}

#[async_trait]
impl Peers for Nothing {
    async fn ask(&self, _: &EngineId, _: Bytes) -> Result<Bytes, BrokerError> {
        absent()
    }
    async fn listen(&self, _: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        absent()
    }
}

#[async_trait]
impl Bucket for Nothing {
    async fn get(&self, _: &str) -> Result<Option<Entry>, BrokerError> {
        absent()
    }
    async fn put(&self, _: &str, _: Bytes, _: u64) -> Result<u64, WriteError> {
        Ok(absent()?)
    }
    async fn delete(&self, _: &str) -> Result<(), BrokerError> {
        absent()
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        absent()
    }
}

#[async_trait]
impl RegistryStore for Nothing {
    async fn put_plugin(&self, _: Digest, _: Bytes) -> Result<(), BrokerError> {
        absent()
    }
    async fn plugin(&self, _: Digest) -> Result<Option<Bytes>, BrokerError> {
        Ok(Some(self.component.clone()))
    }
}

impl Clock for Nothing {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_millis() as u64
    }
    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Random for Nothing {
    fn next_u64(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }
}
