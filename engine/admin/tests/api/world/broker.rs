//! The broker's ports: one input stream, one dead letter, and nothing that could carry a commit.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    dead_letter::{REASON_HEADER, Reason},
    event::Header,
    identity::{PartitionId, PipelineId},
    ports::broker::{
        Books, BrokerError, CommitBatch, CommitError, CommitLog, DeadLetters, Input, InputError, Output,
        OwnStream, Snapshots, StoredDeadLetter, StoredPart, StreamFacts, Streams, SubscribeRequest,
        Subscription,
    },
};

use super::{Fake, LETTER};

fn unreachable<T>() -> Result<T, BrokerError> {
    Err(BrokerError::Unreachable(
        "nats://10.0.0.9:4222 refused the connection".to_owned(),
    ))
}

#[async_trait]
impl Streams for Fake {
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        if name != "SHOP" {
            return Err(BrokerError::NoStream(name.to_owned()));
        }
        Ok(StreamFacts {
            name: name.to_owned(),
            created: String::new(),
            first_sequence: 1,
            last_sequence: 9,
            bytes: 1,
            subjects: vec!["shop.>".to_owned()],
            keeps_to_limits: true,
        })
    }
    async fn streams_with(&self, _: &str) -> Result<Vec<String>, BrokerError> {
        Ok(Vec::new())
    }
    async fn ensure_own(&self, own: &OwnStream) -> Result<StreamFacts, BrokerError> {
        self.act();
        Ok(StreamFacts {
            name: own.pipeline.to_string(),
            ..self.stream("SHOP").await?
        })
    }
    async fn remove_own(&self, _: &PipelineId, _: &str) -> Result<(), BrokerError> {
        if self.refuses_removal.load(std::sync::atomic::Ordering::Relaxed) {
            return unreachable();
        }
        self.act();
        Ok(())
    }
    async fn trim_outputs(&self, _: &OwnStream) -> Result<(), BrokerError> {
        unreachable()
    }
    fn max_payload(&self) -> usize {
        1 << 20
    }
    async fn syncs_always(&self) -> Option<bool> {
        Some(false)
    }
    async fn count(&self, _: &str, _: &[String], _: u64, _: u64) -> Result<Option<u64>, BrokerError> {
        unreachable()
    }
    fn is_connected(&self) -> bool {
        self.connected.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[async_trait]
impl Input for Fake {
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError> {
        Err(InputError::Deleted(request.stream))
    }
}

#[async_trait]
impl CommitLog for Fake {
    async fn commit(&self, _: &CommitBatch) -> Result<u64, CommitError> {
        Err(CommitError::Unknown("fake".to_owned()))
    }
    async fn publish_unconfirmed(&self, _: &[Output]) {}
    async fn books(&self, _: &PipelineId) -> Result<Books, BrokerError> {
        unreachable()
    }
    async fn last(&self, _: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        unreachable()
    }
    async fn after(&self, _: &PartitionId, _: u64, _: usize) -> Result<Vec<StoredPart>, BrokerError> {
        unreachable()
    }
    async fn purge_before(&self, _: &PartitionId, _: u64) -> Result<(), BrokerError> {
        unreachable()
    }
}

#[async_trait]
impl DeadLetters for Fake {
    async fn list(
        &self,
        id: &PipelineId,
        after: u64,
        _: usize,
    ) -> Result<Vec<StoredDeadLetter>, BrokerError> {
        let letter = DeadLetters::get(self, id, LETTER).await?;
        Ok(letter
            .into_iter()
            .filter(|letter| letter.sequence > after)
            .collect())
    }
    async fn get(&self, _: &PipelineId, sequence: u64) -> Result<Option<StoredDeadLetter>, BrokerError> {
        if !self.is_connected() {
            return unreachable();
        }
        Ok((sequence == LETTER).then(letter))
    }
    async fn redrive(&self, _: &PipelineId, _: &StoredDeadLetter) -> Result<(), BrokerError> {
        self.act();
        Ok(())
    }
    async fn count(&self, _: &PipelineId) -> Result<u64, BrokerError> {
        Ok(1)
    }
}

fn letter() -> StoredDeadLetter {
    let reason = Reason {
        step: "count".into(),
        code: "crash".into(),
        reason: "divided by zero".into(),
        plugin: None,
        revision: 1,
        fuel: 2,
        attempts: 2,
        backtrace: Vec::new(),
        sequence: 3,
        time_ms: 4,
        subject: "shop.a".into(),
        key: "k".into(),
        cut_from: None,
    };
    let value = serde_json::to_string(&reason).unwrap();
    let headers = vec![Header {
        name: REASON_HEADER.into(),
        value,
    }];
    StoredDeadLetter {
        sequence: LETTER,
        stored_ms: 5,
        headers,
        payload: Bytes::from_static(b"payload"),
    }
}

#[async_trait]
impl Snapshots for Fake {
    async fn put(
        &self,
        _: &PartitionId,
        _: u64,
        _: BTreeMap<String, String>,
        _: Vec<Bytes>,
    ) -> Result<(), BrokerError> {
        unreachable()
    }
    async fn list(&self, _: &PartitionId) -> Result<Vec<u64>, BrokerError> {
        unreachable()
    }
    async fn get(
        &self,
        _: &PartitionId,
        _: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError> {
        unreachable()
    }
    async fn delete(&self, _: &PartitionId, _: u64) -> Result<(), BrokerError> {
        unreachable()
    }
}
