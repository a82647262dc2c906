//! A broker in memory, with its faults: answers that are lost, batches that are stored late,
//! deliveries that repeat, times without connection, crashes of the engine around each request.

mod kept;
mod subscription;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    event::Header,
    identity::{PartitionId, PipelineId},
    manifest::Delivery,
    ports::broker::*,
    subject,
};
use tokio::sync::watch;

pub use self::subscription::Connection;
use super::faults::Faults;

/// A stored message.
#[derive(Debug, Clone)]
pub struct Stored {
    pub sequence: u64,
    pub subject: String,
    pub headers: Vec<Header>,
    pub payload: Bytes,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, Vec<Stored>>,
    snapshots: BTreeMap<(PartitionId, u64), (BTreeMap<String, String>, Vec<u8>)>,
    registry: BTreeMap<String, (Bytes, u64)>,
    revision: u64,
    /// Batches that the broker has taken in and not stored yet.
    late: Vec<CommitBatch>,
}

/// The broker: it outlives the engines.
pub struct SimBroker {
    state: Mutex<State>,
    faults: Arc<Faults>,
    changed: watch::Sender<u64>,
    /// Set when an engine is to die here and now: nothing that it asks for happens any more.
    pub crash: watch::Sender<bool>,
}

impl SimBroker {
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            state: Mutex::default(),
            faults,
            changed: watch::Sender::new(0),
            crash: watch::Sender::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self, stream: &str, subject: &str, payload: impl Into<Bytes>) -> u64 {
        self.append(stream, subject, Vec::new(), payload.into())
    }

    fn append(&self, stream: &str, subject: &str, headers: Vec<Header>, payload: Bytes) -> u64 {
        let mut state = self.state();
        let messages = state.streams.entry(stream.to_owned()).or_default();
        let sequence = messages.last().map_or(0, |last| last.sequence) + 1;
        messages.push(Stored {
            sequence,
            subject: subject.to_owned(),
            headers,
            payload,
        });
        drop(state);
        self.changed.send_modify(|count| *count += 1);
        sequence
    }

    /// Another broker with the same messages in a stream, on which nothing has run.
    pub fn beginning_with(&self, stream: &str, faults: Arc<Faults>) -> Self {
        let other = Self::new(faults);
        let messages = self.messages(stream, ">");
        other.state().streams.insert(stream.to_owned(), messages);
        other
    }

    /// What a stream holds on subjects that match.
    pub fn messages(&self, stream: &str, pattern: &str) -> Vec<Stored> {
        let state = self.state();
        let messages = state.streams.get(stream).into_iter().flatten();
        messages
            .filter(|message| subject::covers(pattern, &message.subject))
            .cloned()
            .collect()
    }

    /// A request takes a while, may find no broker, and may be the last thing that the engine does.
    async fn request(&self) -> Result<(), BrokerError> {
        self.pause(20).await;
        if self.faults.strikes("crash at a request", 1) {
            self.die().await;
        }
        if self.faults.strikes("no connection", 8) {
            return Err(BrokerError::Unreachable("simulated".to_owned()));
        }
        Ok(())
    }

    async fn pause(&self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.faults.below(most_ms + 1))).await;
        if *self.crash.borrow() {
            std::future::pending::<()>().await;
        }
    }

    /// The engine dies here: what it was doing never goes on.
    pub async fn die(&self) {
        self.crash.send_replace(true);
        std::future::pending::<()>().await;
    }

    fn last_sequence(&self, partition: &PartitionId) -> u64 {
        let messages = self.messages(
            &subject::stream_name(&partition.pipeline),
            &subject::commit_subject(partition),
        );
        messages.last().map_or(0, |message| message.sequence)
    }

    /// All of the batch or nothing, and only behind the expected record.
    fn store(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        if self.last_sequence(&batch.partition) != batch.expected {
            return Err(CommitError::Fenced {
                expected: batch.expected,
            });
        }
        let stream = subject::stream_name(&batch.partition.pipeline);
        for output in &batch.outputs {
            self.append(
                &stream,
                &output.subject,
                output.headers.clone(),
                output.payload.clone(),
            );
        }
        let subject = subject::commit_subject(&batch.partition);
        let parts = batch
            .record
            .iter()
            .map(|part| self.append(&stream, &subject, Vec::new(), part.clone()));
        Ok(parts.last().unwrap_or_default())
    }
}

#[async_trait]
impl CommitLog for SimBroker {
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        assert_eq!(
            batch.delivery,
            Delivery::ExactlyOnce,
            "the scenario runs exactly-once"
        );
        assert!(
            batch.outputs.len() + batch.record.len() <= 1_000,
            "an atomic batch holds 1,000 messages"
        );
        self.pause(30).await;
        if self.faults.strikes("crash before the batch is stored", 2) {
            self.die().await;
        }
        if self.faults.strikes("batch lost", 5) {
            return Err(CommitError::Unknown("simulated: never arrived".to_owned()));
        }
        if self.faults.strikes("batch refused", 5) {
            return Err(CommitError::NoRoom {
                code: 10_023,
                description: "simulated: no room".to_owned(),
            });
        }
        let late = self.faults.strikes("batch stored after the time-out", 5);
        if late {
            // Stored by the broker on its own time, whatever becomes of the engine meanwhile.
            self.state().late.push(batch.clone());
            self.pause(50).await;
            return Err(CommitError::Unknown("simulated: too late".to_owned()));
        }
        let stored = self.store(batch)?;
        if self.faults.strikes("crash after the batch is stored", 2) {
            self.die().await;
        }
        if self.faults.strikes("answer lost", 5) {
            return Err(CommitError::Unknown("simulated: answer lost".to_owned()));
        }
        self.pause(5).await;
        Ok(stored)
    }

    async fn publish_unconfirmed(&self, _: &[Output]) {
        unreachable!("the scenario runs exactly-once");
    }

    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        self.request().await?;
        let messages = self.messages(
            &subject::stream_name(&partition.pipeline),
            &subject::commit_subject(partition),
        );
        Ok(messages.last().map(|message| StoredPart {
            sequence: message.sequence,
            payload: message.payload.clone(),
        }))
    }

    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError> {
        self.request().await?;
        let messages = self.messages(
            &subject::stream_name(&partition.pipeline),
            &subject::commit_subject(partition),
        );
        let later = messages
            .into_iter()
            .filter(|message| message.sequence > sequence)
            .take(limit);
        Ok(later
            .map(|message| StoredPart {
                sequence: message.sequence,
                payload: message.payload,
            })
            .collect())
    }

    async fn books(&self, pipeline: &PipelineId) -> Result<Books, BrokerError> {
        self.request().await?;
        let stream = subject::stream_name(pipeline);
        let mut last: BTreeMap<String, StoredPart> = BTreeMap::new();
        for message in self.messages(&stream, &subject::commit_pattern(pipeline)) {
            let part = StoredPart {
                sequence: message.sequence,
                payload: message.payload,
            };
            last.insert(message.subject, part);
        }
        Ok(Books {
            last_sequence: self
                .messages(&stream, ">")
                .last()
                .map_or(0, |message| message.sequence),
            redriven: 0,
            records: last.into_values().collect(),
        })
    }

    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError> {
        self.request().await?;
        let subject = subject::commit_subject(partition);
        let mut state = self.state();
        if let Some(messages) = state.streams.get_mut(&subject::stream_name(&partition.pipeline)) {
            messages.retain(|message| message.subject != subject || message.sequence >= sequence);
        }
        Ok(())
    }
}

impl SimBroker {
    /// The broker stores what it has taken in, some time later.
    pub fn store_late_batches(&self) {
        let late = std::mem::take(&mut self.state().late);
        for batch in late {
            // Refused where another commit came first: that is the fence at work.
            let _ = self.store(&batch);
        }
    }
}

#[async_trait]
impl Streams for SimBroker {
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        self.request().await?;
        let state = self.state();
        let messages = state
            .streams
            .get(name)
            .ok_or_else(|| BrokerError::NoStream(name.to_owned()))?;
        Ok(StreamFacts {
            name: name.to_owned(),
            created: "once".to_owned(),
            first_sequence: messages.first().map_or(1, |message| message.sequence),
            last_sequence: messages.last().map_or(0, |message| message.sequence),
            bytes: 0,
            subjects: vec![">".to_owned()],
            keeps_to_limits: true,
        })
    }

    async fn streams_with(&self, _: &str) -> Result<Vec<String>, BrokerError> {
        self.request().await?;
        Ok(Vec::new())
    }

    async fn ensure_own(&self, own: &OwnStream) -> Result<StreamFacts, BrokerError> {
        let name = subject::stream_name(&own.pipeline);
        self.state().streams.entry(name.clone()).or_default();
        self.stream(&name).await
    }

    async fn remove_own(&self, _: &PipelineId, _: &str) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn trim_outputs(&self, _: &OwnStream) -> Result<(), BrokerError> {
        Ok(())
    }

    fn max_payload(&self) -> usize {
        // Small, so that records are cut into parts.
        16 * 1024
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn syncs_always(&self) -> Option<bool> {
        None
    }

    async fn count(
        &self,
        stream: &str,
        _: &[String],
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, BrokerError> {
        self.request().await?;
        let range = from..=to;
        let messages = self.messages(stream, ">").into_iter();
        Ok(Some(
            messages
                .filter(|message| range.contains(&message.sequence))
                .count() as u64,
        ))
    }
}
