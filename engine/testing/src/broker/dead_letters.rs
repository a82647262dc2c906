//! Dead letters: messages of the pipeline's own stream.

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::PipelineId,
    ports::broker::{BrokerError, DeadLetters, StoredDeadLetter},
    state_deletion::is_order,
    subject,
};

use super::{MemoryBroker, Stored};
use crate::link::Service;

fn letter(message: &Stored) -> StoredDeadLetter {
    StoredDeadLetter {
        sequence: message.sequence,
        stored_ms: message.received_ms,
        headers: message.headers.clone(),
        payload: message.payload.clone(),
    }
}

impl MemoryBroker {
    async fn letters<T>(
        &self,
        pipeline: &PipelineId,
        read: impl FnOnce(Vec<&Stored>) -> T,
    ) -> Result<T, BrokerError> {
        self.0.link.request(Service::DeadLetters).await?;
        let dead = subject::dead_subject(pipeline);
        let streams = self.0.log.lock();
        let stream = streams.held.get(&subject::stream_name(pipeline));
        Ok(read(
            stream.into_iter().flat_map(|stream| stream.on(&dead)).collect(),
        ))
    }

    fn take_order(&self, pipeline: &PipelineId, token: &str, order: Bytes) -> Result<u64, BrokerError> {
        let name = subject::stream_name(pipeline);
        let mut streams = self.0.log.lock();
        if !streams.held.contains_key(&name) {
            return Err(BrokerError::NoStream(name));
        }
        let sequence = streams.append(&name, &subject::order_subject(pipeline, token), Vec::new(), order);
        self.note_write();
        drop(streams);
        self.0.log.tell();
        Ok(sequence)
    }

    fn send_again(&self, pipeline: &PipelineId, letter: &StoredDeadLetter) -> Result<bool, BrokerError> {
        let name = subject::stream_name(pipeline);
        let mut streams = self.0.log.lock();
        let Some(stream) = streams.held.get_mut(&name) else {
            return Err(BrokerError::NoStream(name));
        };
        let before = stream.messages.len();
        let dead = subject::dead_subject(pipeline);
        let goes = |message: &Stored| message.sequence == letter.sequence && message.subject == dead;
        stream.messages.retain(|message| !goes(message));
        // However often it is asked for, it is published once.
        let is_sent = stream.messages.len() < before;
        if is_sent {
            let subject = subject::redrive_subject(pipeline, letter.sequence);
            let payload = letter.payload.clone();
            streams.append(&name, &subject, letter.headers.clone(), payload);
            self.note_write();
        }
        drop(streams);
        self.0.log.tell();
        Ok(is_sent)
    }
}

#[async_trait]
impl DeadLetters for MemoryBroker {
    async fn list(
        &self,
        pipeline: &PipelineId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredDeadLetter>, BrokerError> {
        self.letters(pipeline, |letters| {
            let later = letters.into_iter().filter(|message| message.sequence > after);
            later.take(limit).map(letter).collect()
        })
        .await
    }

    async fn get(
        &self,
        pipeline: &PipelineId,
        sequence: u64,
    ) -> Result<Option<StoredDeadLetter>, BrokerError> {
        self.letters(pipeline, |letters| {
            let found = letters.into_iter().find(|message| message.sequence == sequence);
            found.map(letter)
        })
        .await
    }

    async fn redrive(&self, pipeline: &PipelineId, letter: &StoredDeadLetter) -> Result<bool, BrokerError> {
        let (broker, pipeline, letter) = (self.clone(), pipeline.clone(), letter.clone());
        let sent = self.0.link.change(Service::DeadLetters, move || {
            broker.send_again(&pipeline, &letter)
        });
        sent.await?
    }

    async fn order(&self, pipeline: &PipelineId, token: &str, order: Bytes) -> Result<u64, BrokerError> {
        let (broker, pipeline, token) = (self.clone(), pipeline.clone(), token.to_owned());
        let sent = self.0.link.change(Service::DeadLetters, move || {
            broker.take_order(&pipeline, &token, order)
        });
        sent.await?
    }

    async fn is_order(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError> {
        self.0.link.request(Service::DeadLetters).await?;
        let streams = self.0.log.lock();
        let stream = streams.held.get(&subject::stream_name(pipeline));
        let mut held = stream.into_iter().flat_map(|stream| &stream.messages);
        Ok(held.any(|message| message.sequence == sequence && is_order(&message.subject)))
    }

    async fn count(&self, pipeline: &PipelineId) -> Result<u64, BrokerError> {
        self.letters(pipeline, |letters| letters.len() as u64).await
    }
}
