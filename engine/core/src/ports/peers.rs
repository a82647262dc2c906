//! The other engines of the cluster, for queries of partitions that are theirs. Implemented by
//! `engine/nats` over request and reply, so that engines need no addresses of each other.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{identity::EngineId, ports::broker::BrokerError};

/// The other engines.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Asks an engine and waits for its answer, for seconds at most.
    async fn ask(&self, engine: &EngineId, question: Bytes) -> Result<Bytes, BrokerError>;
    /// What others ask of this engine, from now on.
    async fn listen(&self, engine: &EngineId) -> Result<Box<dyn Questions>, BrokerError>;
}

/// Questions of other engines.
#[async_trait]
pub trait Questions: Send {
    /// The next question, and where its answer goes; none when no more will come.
    async fn next(&mut self) -> Option<(Bytes, Box<dyn Reply>)>;
}

/// Where an answer goes.
#[async_trait]
pub trait Reply: Send {
    /// Sends it. Who asked may be gone; that is no concern of who answers.
    async fn send(self: Box<Self>, answer: Bytes);
}
