//! The other engines: of an engine that is alone, and of several in one process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::EngineId,
    ports::{
        broker::BrokerError,
        peers::{Peers, Questions, Reply},
    },
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    link::{Link, Service},
    sync::lock,
};

/// Questions that wait for an engine.
const QUEUED: usize = 64;
/// Longest wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

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

type Asked = (Bytes, oneshot::Sender<Bytes>);

/// Engines that ask each other, each through its own link. Its copies are one.
#[derive(Clone)]
pub struct MemoryPeers {
    listening: Arc<Mutex<BTreeMap<EngineId, mpsc::Sender<Asked>>>>,
    link: Link,
}

impl MemoryPeers {
    /// None is there yet.
    pub fn behind(link: Link) -> Self {
        Self {
            listening: Arc::default(),
            link,
        }
    }

    /// The same engines, as one asks and answers through this link.
    #[must_use]
    pub fn through(&self, link: Link) -> Self {
        Self {
            link,
            listening: self.listening.clone(),
        }
    }
}

#[async_trait]
impl Peers for MemoryPeers {
    async fn ask(&self, engine: &EngineId, question: Bytes) -> Result<Bytes, BrokerError> {
        self.link.request(Service::Peers).await?;
        let (reply, answer) = oneshot::channel();
        let listening = lock(&self.listening).get(engine).cloned();
        let Some(listening) = listening.filter(|engine| engine.try_send((question, reply)).is_ok()) else {
            return nobody();
        };
        drop(listening);
        let answered = tokio::time::timeout(ANSWER_WITHIN, answer).await;
        self.link.answer().await?;
        answered.ok().and_then(Result::ok).map_or_else(nobody, Ok)
    }
    async fn listen(&self, engine: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        self.link.request(Service::Peers).await?;
        let (listening, asked) = mpsc::channel(QUEUED);
        lock(&self.listening).insert(engine.clone(), listening);
        let link = self.link.clone();
        Ok(Box::new(MemoryQuestions { asked, link }))
    }
}

struct MemoryQuestions {
    asked: mpsc::Receiver<Asked>,
    link: Link,
}

#[async_trait]
impl Questions for MemoryQuestions {
    async fn next(&mut self) -> Option<(Bytes, Box<dyn Reply>)> {
        let (question, answer) = self.asked.recv().await?;
        self.link.reached(Service::Peers).await;
        self.link.pause(10).await;
        Some((question, Box::new(MemoryReply(answer))))
    }
}

struct MemoryReply(oneshot::Sender<Bytes>);

#[async_trait]
impl Reply for MemoryReply {
    async fn send(self: Box<Self>, answer: Bytes) {
        // Whoever asked may have stopped waiting.
        let _ = self.0.send(answer);
    }
}
