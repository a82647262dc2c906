//! The other engines of an engine that is alone.

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::EngineId,
    ports::{
        broker::BrokerError,
        peers::{Peers, Questions},
    },
};

/// No other engine answers, and none asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

fn nobody<T>() -> Result<T, BrokerError> {
    Err(BrokerError::Unreachable("there is no other engine".to_owned()))
}

#[async_trait]
impl Peers for NoPeers {
    async fn ask(&self, _: &EngineId, _: Bytes) -> Result<Bytes, BrokerError> {
        nobody()
    }
    async fn listen(&self, _: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        nobody()
    }
}
