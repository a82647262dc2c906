//! Dead letters of a pipeline, as they lie in its stream.

use async_trait::async_trait;
use bytes::Bytes;

use super::BrokerError;
use crate::{event::Header, identity::PipelineId};

/// A dead letter as it lies in the stream.
#[derive(Debug, Clone)]
pub struct StoredDeadLetter {
    /// Its sequence in the pipeline's stream; what names it.
    pub sequence: u64,
    /// When it was stored, milliseconds since the epoch.
    pub stored_ms: u64,
    /// Its headers.
    pub headers: Vec<Header>,
    /// The payload of the event at the step that failed.
    pub payload: Bytes,
}

/// Dead letters of a pipeline.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Dead letters after a sequence, in order, at most `limit`.
    async fn list(
        &self,
        pipeline: &PipelineId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredDeadLetter>, BrokerError>;
    /// One dead letter.
    async fn get(
        &self,
        pipeline: &PipelineId,
        sequence: u64,
    ) -> Result<Option<StoredDeadLetter>, BrokerError>;
    /// Publishes it on the redrive subject, once however often it is asked, then deletes it. Says whether it was
    /// published now; otherwise somebody else has done that before.
    async fn redrive(&self, pipeline: &PipelineId, letter: &StoredDeadLetter) -> Result<bool, BrokerError>;
    /// How many there are.
    async fn count(&self, pipeline: &PipelineId) -> Result<u64, BrokerError>;
    /// Publishes an order to the partitions on the redrive subject, under this last token of its subject; gives its
    /// sequence.
    async fn order(&self, pipeline: &PipelineId, token: &str, order: Bytes) -> Result<u64, BrokerError>;
    /// Whether the message of this sequence is such an order.
    async fn is_order(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError>;
}
