//! Commits, and what was committed.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::BrokerError;
use crate::{
    event::Header,
    identity::{PartitionId, PipelineId},
    manifest::Delivery,
};

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// A checked subject of the pipeline's own stream.
    pub subject: String,
    /// Headers; none starts with `Nats-`.
    pub headers: Vec<Header>,
    /// The payload.
    pub payload: Bytes,
    /// Deterministic identifier (`<pipeline>:<sequence>:<k>`); none where an atomic batch needs none.
    pub id: Option<String>,
    /// How long to keep it; none for ever.
    pub keep: Option<Duration>,
}

/// What one commit makes durable, in this order.
#[derive(Debug, Clone)]
pub struct CommitBatch {
    /// The partition.
    pub partition: PartitionId,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Outputs and dead letters.
    pub outputs: Vec<Output>,
    /// The commit record, in parts.
    pub record: Vec<Bytes>,
    /// Sequence of the last message on the commit subject; 0 if there is none.
    pub expected: u64,
}

/// Why a commit did not happen, or may not have happened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Another owner of the partition has committed. Nothing was stored.
    #[error("another engine owns the partition: its commit subject is no longer at {expected}")]
    Fenced {
        /// What was expected.
        expected: u64,
    },
    /// The broker refused it. Nothing was stored.
    #[error("the broker refuses the commit: {description} (code {code})")]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// A message of it is larger than the broker takes now. Nothing was stored.
    #[error("a message of the commit is larger than the broker's max_payload of {max_payload} bytes")]
    TooLarge {
        /// What the broker takes.
        max_payload: usize,
    },
    /// The broker can store nothing at present, this neither. Nothing was stored.
    #[error("the broker cannot store the commit at present: {description} (code {code})")]
    NoRoom {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// No stream takes it: the pipeline's own is gone, or is without a leader at present. Nothing was stored.
    #[error("no stream takes the commit")]
    Untaken,
    /// Whether it was stored is not known: ask the commit subject.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

/// A message of a commit subject.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// Its sequence in the pipeline's stream.
    pub sequence: u64,
    /// Its payload.
    pub payload: Bytes,
}

/// What a pipeline's own stream holds at one moment.
#[derive(Debug, Clone)]
pub struct BrokerCounts {
    /// Messages that it ever stored.
    pub stored: u64,
    /// Messages on the redrive subject; they come from the control plane, not from a commit.
    pub redriven: u64,
    /// The last part of each partition's last record.
    pub records: Vec<StoredPart>,
}

/// A message that an atomic batch has stored beside its record: an output, or a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOutput {
    /// Its sequence in the pipeline's stream.
    pub sequence: u64,
    /// The partition that published it, where it says so.
    pub partition: Option<u32>,
}

/// What a look at a pipeline's own stream has found.
#[derive(Debug, Clone, Default)]
pub struct BatchOutputs {
    /// In the order of the stream.
    pub outputs: Vec<BatchOutput>,
    /// The last sequence that was looked at; none where there is nothing behind.
    pub read_to: Option<u64>,
}

/// Commits and what was committed.
#[async_trait]
pub trait CommitLog: Send + Sync {
    /// Stores a batch; gives the sequence of the record's last part.
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError>;
    /// Publishes outputs of `at-most-once`, behind the commit of this sequence. The first of them is answered for, so
    /// that nothing is sent for a partition of which another engine has committed since, or that ended: that alone is
    /// an error. The others are not waited for.
    async fn publish_unconfirmed(
        &self,
        partition: &PartitionId,
        expected: u64,
        outputs: &[Output],
    ) -> Result<(), CommitError>;
    /// The last message of the commit subject.
    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError>;
    /// Messages of the commit subject after a sequence, in order, at most `limit`; empty at the end.
    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError>;
    /// The pipeline's own stream at one moment: its last sequence, and each partition's last record
    /// at or before it.
    async fn books(&self, pipeline: &PipelineId) -> Result<BrokerCounts, BrokerError>;
    /// Stores a record on a commit subject that has none; gives the sequence of its last part, or of the
    /// last one that is there already.
    async fn begin(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError>;
    /// What atomic batches have stored beside their records, behind a sequence. Looks at no more than so many messages,
    /// from the oldest on.
    async fn batch_outputs(
        &self,
        pipeline: &PipelineId,
        after: u64,
        most: usize,
    ) -> Result<BatchOutputs, BrokerError>;
    /// Whether the pipeline's own stream has given this sequence to a message, and does not hold it any more.
    async fn is_gone(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError>;
    /// How many messages the commit subject holds.
    async fn count_records(&self, partition: &PartitionId) -> Result<u64, BrokerError>;
    /// Deletes messages of the commit subject before a sequence.
    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError>;
}
