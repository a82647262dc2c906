//! Questions from engine to engine: request and reply on `tr._engines.<engine>`. No tenant has a name
//! with an underscore, so no pipeline's subjects begin like that.

use async_nats::{Client, Subject, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use tailrace_core::{
    identity::EngineId,
    ports::{
        broker::BrokerError,
        peers::{Peers, Questions, Reply},
    },
};

use crate::{connect::NatsBroker, error::unreachable};

fn subject(engine: &EngineId) -> String {
    format!("tr._engines.{engine}")
}

#[async_trait]
impl Peers for NatsBroker {
    async fn ask(&self, engine: &EngineId, question: Bytes) -> Result<Bytes, BrokerError> {
        let answer = self.client().request(subject(engine), question).await;
        let lost = |cause: &dyn std::fmt::Display| {
            BrokerError::Unreachable(format!(
                "engine {engine}, which has the partition, does not answer: {cause}"
            ))
        };
        Ok(answer.map_err(|cause| lost(&cause))?.payload)
    }

    async fn listen(&self, engine: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        let subscriber = self.client().subscribe(subject(engine)).await;
        Ok(Box::new(NatsQuestions {
            client: self.client(),
            subscriber: subscriber.map_err(|cause| unreachable(&cause))?,
        }))
    }
}

struct NatsQuestions {
    client: Client,
    subscriber: Subscriber,
}

#[async_trait]
impl Questions for NatsQuestions {
    async fn next(&mut self) -> Option<(Bytes, Box<dyn Reply>)> {
        loop {
            let message = self.subscriber.next().await?;
            // Without a place for the answer nobody waits for it.
            if let Some(to) = message.reply {
                let client = self.client.clone();
                return Some((message.payload, Box::new(NatsReply { client, to })));
            }
        }
    }
}

struct NatsReply {
    client: Client,
    to: Subject,
}

#[async_trait]
impl Reply for NatsReply {
    async fn send(self: Box<Self>, answer: Bytes) {
        if let Err(cause) = self.client.publish(self.to, answer).await {
            tracing::debug!(%cause, "an answer to another engine was not sent");
        }
    }
}
