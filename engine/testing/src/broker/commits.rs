//! Commits: whole batches behind the expected record. Chance loses them, delays them, or kills the engine
//! on either side of one.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    carried::CarriedWatermark,
    identity::{PartitionId, PipelineId},
    manifest::Delivery,
    ports::broker::{
        BatchOutput, BatchOutputs, BrokerCounts, BrokerError, CommitBatch, CommitError, CommitLog, Output,
        StoredPart,
    },
    subject,
};

use super::{MemoryBroker, Stored, log::Stream};
use crate::{link::Service, sync::lock};

/// Most messages of an atomic batch, as JetStream has it.
const MOST_MESSAGES: usize = 1_000;

fn part(message: &Stored) -> StoredPart {
    StoredPart {
        sequence: message.sequence,
        payload: message.payload.clone(),
    }
}

impl MemoryBroker {
    /// All of the batch or nothing, and only behind the expected record.
    pub(super) fn store(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        let name = subject::stream_name(&batch.partition.pipeline);
        let commits = subject::commit_subject(&batch.partition);
        let mut streams = self.0.log.lock();
        let stream = streams.held.get(&name);
        if stream.is_none() && !batch.partition.life.is_unnamed() {
            return Err(CommitError::Untaken);
        }
        if stream.is_some_and(|stream| !stream.altered.is_empty()) {
            return Err(CommitError::Refused {
                code: 10_054,
                description: "message size exceeds maximum allowed".to_owned(),
            });
        }
        let last = stream.and_then(|stream| stream.on(&commits).next_back());
        if last.map_or(0, |message| message.sequence) != batch.expected {
            return Err(CommitError::Fenced {
                expected: batch.expected,
            });
        }
        for output in &batch.outputs {
            let (headers, payload) = (output.headers.clone(), output.payload.clone());
            let sequence = streams.append(&name, &output.subject, headers, payload);
            if batch.delivery == Delivery::ExactlyOnce {
                streams.note_batch(&name, sequence);
            }
        }
        let mut last = 0;
        for part in &batch.record {
            last = streams.append(&name, &commits, Vec::new(), part.clone());
        }
        drop(streams);
        self.0.log.tell();
        Ok(last)
    }

    fn begin_partition(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError> {
        let (name, commits) = places(partition);
        let mut streams = self.0.log.lock();
        let stream = streams.held.get(&name);
        let last = stream.ok_or_else(|| BrokerError::NoStream(name.clone()))?;
        if let Some(last) = last.on(&commits).next_back() {
            return Ok(last.sequence);
        }
        let stored = streams.append(&name, &commits, Vec::new(), record);
        drop(streams);
        self.0.log.tell();
        Ok(stored)
    }

    /// What the broker does with a batch that it need not keep.
    fn count_only(&self, batch: &CommitBatch) -> u64 {
        let messages = (batch.outputs.len() + batch.record.len()) as u64;
        self.0.counted.fetch_add(messages, Ordering::Relaxed) + messages
    }

    fn expect(&self, delivery: Delivery) {
        let expected = self.0.options.expected_delivery;
        assert!(
            expected.is_none_or(|expected| expected == delivery),
            "{delivery:?} instead of {expected:?}"
        );
    }
}

#[async_trait]
impl CommitLog for MemoryBroker {
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        self.expect(batch.delivery);
        assert!(
            batch.outputs.len() + batch.record.len() <= MOST_MESSAGES,
            "an atomic batch holds 1,000 messages"
        );
        let link = &self.0.link;
        if let Err(cause) = link.reach(Service::Commits) {
            return Err(CommitError::Unknown(cause.to_string()));
        }
        if !self.0.options.keeps_commits {
            return Ok(self.count_only(batch));
        }
        link.pause(30).await;
        if link.strikes("crash before the batch is stored", 2) {
            link.die().await;
        }
        if link.strikes("batch lost", 5) {
            return Err(CommitError::Unknown("simulated: never arrived".to_owned()));
        }
        if link.strikes("batch refused", 5) {
            return Err(CommitError::NoRoom {
                code: 10_023,
                description: "simulated: no room".to_owned(),
            });
        }
        if link.strikes("batch stored after the time-out", 5) {
            // Stored by the broker on its own time, whatever becomes of the engine meanwhile.
            lock(&self.0.late).push(batch.clone());
            link.pause(50).await;
            return Err(CommitError::Unknown("simulated: too late".to_owned()));
        }
        let stored = self.store(batch)?;
        if link.strikes("crash after the batch is stored", 2) {
            link.die().await;
        }
        if link.strikes("answer lost", 5) {
            return Err(CommitError::Unknown("simulated: answer lost".to_owned()));
        }
        link.pause(5).await;
        Ok(stored)
    }

    async fn publish_unconfirmed(
        &self,
        partition: &PartitionId,
        expected: u64,
        outputs: &[Output],
    ) -> Result<(), CommitError> {
        self.expect(Delivery::AtMostOnce);
        if self.0.link.reach(Service::Commits).is_err() || !self.0.options.keeps_commits {
            return Ok(());
        }
        let (own, commits) = places(partition);
        let mut streams = self.0.log.lock();
        let stream = streams.held.get(&own);
        let last = stream.and_then(|stream| stream.on(&commits).next_back());
        if last.map_or(0, |message| message.sequence) != expected && !outputs.is_empty() {
            return Err(CommitError::Fenced { expected });
        }
        for output in outputs {
            // JetStream stores a message in the stream that takes its subject.
            let takes = |subjects: &[String]| {
                let mut subjects = subjects.iter();
                subjects.any(|pattern| subject::covers(pattern, &output.subject))
            };
            let held = streams.held.iter();
            let found = held
                .filter(|(_, stream)| takes(&stream.subjects))
                .map(|(name, _)| name);
            if let Some(name) = found.min_by_key(|name| !name.starts_with("TR_")).cloned() {
                let (headers, payload) = (output.headers.clone(), output.payload.clone());
                streams.append(&name, &output.subject, headers, payload);
            }
        }
        drop(streams);
        self.0.log.tell();
        Ok(())
    }

    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        let (name, commits) = places(partition);
        let streams = self.0.log.lock();
        match streams.held.get(&name) {
            Some(stream) => Ok(stream.on(&commits).next_back().map(part)),
            None if partition.life.is_unnamed() => Ok(None),
            None => Err(BrokerError::NoStream(name)),
        }
    }

    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        let (name, commits) = places(partition);
        let streams = self.0.log.lock();
        let messages = streams
            .held
            .get(&name)
            .into_iter()
            .flat_map(|stream| stream.on(&commits));
        let later = messages.filter(|message| message.sequence > sequence);
        Ok(later.take(limit).map(part).collect())
    }

    async fn books(&self, pipeline: &PipelineId) -> Result<BrokerCounts, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        if !self.0.options.keeps_commits {
            return Ok(BrokerCounts {
                stored: 0,
                redriven: 0,
                records: Vec::new(),
            });
        }
        let (commits, redrive) = (
            subject::commit_pattern(pipeline),
            subject::redrive_patterns(pipeline),
        );
        let streams = self.0.log.lock();
        let stream = streams.held.get(&subject::stream_name(pipeline));
        let mut last: BTreeMap<&str, StoredPart> = BTreeMap::new();
        for message in stream.into_iter().flat_map(|stream| &stream.messages) {
            if subject::covers(&commits, &message.subject) {
                last.insert(&message.subject, part(message));
            }
        }
        Ok(BrokerCounts {
            stored: stream.map_or(0, Stream::stored),
            redriven: stream.map_or(0, |stream| stream.from(0, &redrive).count() as u64),
            records: last.into_values().collect(),
        })
    }

    async fn begin(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError> {
        let (broker, partition) = (self.clone(), partition.clone());
        let begun = self.0.link.change(Service::Streams, move || {
            broker.begin_partition(&partition, record)
        });
        begun.await?
    }

    async fn batch_outputs(
        &self,
        pipeline: &PipelineId,
        after: u64,
        most: usize,
    ) -> Result<BatchOutputs, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        let streams = self.0.log.lock();
        let Some(stream) = streams.held.get(&subject::stream_name(pipeline)) else {
            return Ok(BatchOutputs::default());
        };
        let all = [">".to_owned()];
        let looked: Vec<&Stored> = stream.from(after + 1, &all).take(most).collect();
        let of_batches = looked
            .iter()
            .filter(|message| stream.batched.contains(&message.sequence));
        Ok(BatchOutputs {
            outputs: of_batches
                .map(|message| BatchOutput {
                    sequence: message.sequence,
                    partition: CarriedWatermark::of(&message.headers).map(|carried| carried.partition),
                })
                .collect(),
            read_to: looked.last().map(|message| message.sequence),
        })
    }

    async fn is_gone(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        let streams = self.0.log.lock();
        let stream = streams.held.get(&subject::stream_name(pipeline));
        Ok(stream.is_some_and(|stream| {
            let mut messages = stream.messages.iter();
            stream.last_sequence >= sequence && !messages.any(|message| message.sequence == sequence)
        }))
    }

    async fn count_records(&self, partition: &PartitionId) -> Result<u64, BrokerError> {
        self.0.link.request(Service::Commits).await?;
        let (name, commits) = places(partition);
        let streams = self.0.log.lock();
        let stream = streams.held.get(&name);
        Ok(stream.map_or(0, |stream| stream.on(&commits).count() as u64))
    }

    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError> {
        let (name, commits) = places(partition);
        let log = self.0.log.clone();
        let purge = move || {
            if let Some(stream) = log.lock().held.get_mut(&name) {
                let stays = |message: &Stored| message.subject != commits || message.sequence >= sequence;
                stream.messages.retain(stays);
            }
        };
        self.0.link.change(Service::Commits, purge).await
    }
}

/// The stream and the subject of a partition's records.
fn places(partition: &PartitionId) -> (String, String) {
    let stream = subject::stream_name(&partition.pipeline);
    (stream, subject::commit_subject(partition))
}
