//! The harness's own way to a broker, be it one server or a cluster of them, and what tests say to it.

use std::{ops::Deref, time::Duration};

use anyhow::Context as _;
use tailrace_nats::async_nats::{
    Client,
    jetstream::{self, consumer::pull, stream},
};

/// A broker of the test's own.
pub trait Broker: Deref<Target = Access> {
    /// Addresses that an engine is given, separated by commas.
    fn urls(&self) -> String;

    /// Its processes.
    fn pids(&self) -> anyhow::Result<Vec<u32>>;
}

/// A connection of the harness's own.
pub struct Access {
    /// The connection.
    pub client: Client,
    /// JetStream on it.
    pub jetstream: jetstream::Context,
    /// Copies that a stream of the test's own has.
    pub replicas: usize,
}

impl Access {
    /// On a connection; a question that is not answered within this fails.
    pub fn on(client: Client, patience: Duration, replicas: usize) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(patience);
        Self {
            client,
            jetstream,
            replicas,
        }
    }

    /// Makes a stream.
    pub async fn stream(&self, name: &str, subjects: &[&str]) -> anyhow::Result<()> {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        self.jetstream
            .create_stream(stream::Config {
                name: name.to_owned(),
                subjects,
                // nats-server 2.15 allows 1,000 where a stream says nothing.
                max_consumers: 10_000,
                num_replicas: self.replicas,
                ..stream::Config::default()
            })
            .await?;
        Ok(())
    }

    /// Publishes many messages in order, acknowledged.
    pub async fn publish<T: Into<Vec<u8>>>(
        &self,
        subject: &str,
        payloads: impl IntoIterator<Item = T>,
    ) -> anyhow::Result<()> {
        let mut acks = Vec::new();
        for payload in payloads {
            acks.push(
                self.jetstream
                    .publish(subject.to_owned(), payload.into().into())
                    .await?,
            );
            if acks.len() == 500 {
                for ack in acks.drain(..) {
                    ack.await?;
                }
            }
        }
        for ack in acks {
            ack.await?;
        }
        Ok(())
    }

    /// Everything that a stream holds on a subject: subject and payload, in order.
    pub async fn read(&self, stream: &str, filter: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let found = self.read_sequenced(stream, filter).await?;
        Ok(found
            .into_iter()
            .map(|(_, subject, payload)| (subject, payload))
            .collect())
    }

    /// The same with each message's sequence before it.
    pub async fn read_sequenced(
        &self,
        stream: &str,
        filter: &str,
    ) -> anyhow::Result<Vec<(u64, String, Vec<u8>)>> {
        use futures::StreamExt as _;
        let config = pull::OrderedConfig {
            filter_subject: filter.to_owned(),
            ..pull::OrderedConfig::default()
        };
        let consumer = self
            .jetstream
            .get_stream(stream)
            .await?
            .create_consumer(config)
            .await?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await?;
        let mut found = Vec::new();
        while pending > 0 {
            let message = messages.next().await.context("the stream ended")??;
            let info = message.info().map_err(|cause| anyhow::anyhow!(cause))?;
            pending = info.pending;
            found.push((
                info.stream_sequence,
                message.subject.to_string(),
                message.payload.to_vec(),
            ));
        }
        Ok(found)
    }
}
