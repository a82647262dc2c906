//! The one broker in memory. It holds streams, commits, dead letters and snapshots as JetStream does:
//!
//! - a batch is stored as a whole or not at all, and only behind the expected record;
//! - a stream gives each sequence once, even after its messages were purged;
//! - a subscription gives messages in stream order.
//!
//! With [`Options::faults`] it loses answers, stores batches late, delivers again, disconnects and kills the
//! engine around each request. It outlives the engines.

mod commits;
mod consumers;
mod dead_letters;
mod facts;
mod generated;
mod held;
mod log;
mod options;
mod snapshots;
mod subscription;
mod tenants;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use tailrace_core::{
    altered::Altered,
    event::Header,
    identity::{PartitionId, PipelineId},
    life::Life,
    ports::broker::CommitBatch,
    record, subject,
};

pub use self::{
    generated::Generated,
    log::{Own, Stored},
    options::Options,
};
use self::{held::HeldSnapshots, log::Log};
use crate::{link::Link, sync::lock};

/// The broker. Its copies are one.
#[derive(Clone)]
pub struct MemoryBroker(Arc<Shared>);

/// A stream that was taken away whole.
pub struct Backup(log::Stream);

/// The broker, as it looks through one link.
struct Shared {
    options: Options,
    link: Link,
    log: Arc<Log>,
    snapshots: Arc<Mutex<HeldSnapshots>>,
    /// Batches that the broker has taken in and not stored yet.
    late: Arc<Mutex<Vec<CommitBatch>>>,
    /// Messages of commits that were counted and not stored.
    counted: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    max_payload: Arc<AtomicUsize>,
}

impl MemoryBroker {
    /// A broker that holds nothing.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared {
            link: Link::new(options.faults.clone()),
            log: Arc::new(Log::new(options.received_ms)),
            snapshots: Arc::default(),
            late: Arc::default(),
            counted: Arc::default(),
            writes: Arc::default(),
            max_payload: Arc::new(AtomicUsize::new(options.max_payload)),
            options,
        }))
    }

    /// The same broker, through another link: that of another engine.
    #[must_use]
    pub fn through(&self, link: Link) -> Self {
        let Shared {
            options,
            log,
            snapshots,
            late,
            counted,
            writes,
            max_payload,
            ..
        } = &*self.0;
        Self(Arc::new(Shared {
            options: options.clone(),
            link,
            log: log.clone(),
            snapshots: snapshots.clone(),
            late: late.clone(),
            counted: counted.clone(),
            writes: writes.clone(),
            max_payload: max_payload.clone(),
        }))
    }

    /// What lies between the engines and this broker.
    pub fn link(&self) -> &Link {
        &self.0.link
    }

    /// How often a stream was made, brought to its subjects or removed, and a dead letter sent again.
    pub fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Relaxed)
    }

    /// Makes a stream that takes these subjects.
    pub fn declare(&self, stream: &str, subjects: &[&str]) {
        let subjects = || subjects.iter().map(|subject| (*subject).to_owned()).collect();
        self.0.log.lock().make(stream, subjects);
    }

    /// Makes the stream of a pipeline's own, as if its creation had done so: of this life, with the record that
    /// each partition begins with. A pipeline from before lives has no such records.
    pub fn begin_pipeline(&self, pipeline: &PipelineId, life: Life, partitions: u32) {
        let name = subject::stream_name(pipeline);
        let mut streams = self.0.log.lock();
        streams.make_own(&name, life, || vec![subject::own_pattern(pipeline)]);
        for partition in (0..partitions).filter(|_| !life.is_unnamed()) {
            let partition = PartitionId {
                pipeline: pipeline.clone(),
                life,
                partition,
            };
            let commits = subject::commit_subject(&partition);
            streams.append(&name, &commits, Vec::new(), record::beginning());
        }
        drop(streams);
        self.0.log.tell();
    }

    /// Publishes a message without headers; gives its sequence.
    pub fn publish(&self, stream: &str, subject: &str, payload: impl Into<Bytes>) -> u64 {
        self.publish_with(stream, subject, Vec::new(), payload)
    }

    /// Publishes a message; gives its sequence.
    pub fn publish_with(
        &self,
        stream: &str,
        subject: &str,
        headers: Vec<Header>,
        payload: impl Into<Bytes>,
    ) -> u64 {
        let sequence = self.0.log.lock().append(stream, subject, headers, payload.into());
        self.0.log.tell();
        sequence
    }

    /// Lets a stream go on with this sequence, which is higher than any that it gave.
    pub fn skip_to(&self, stream: &str, sequence: u64) {
        let mut streams = self.0.log.lock();
        let stream = streams.make(stream, Vec::new);
        assert!(stream.last_sequence < sequence, "sequences never go back");
        stream.last_sequence = sequence - 1;
    }

    /// Settings of a stream are others from now on, as somebody would alter it. While one refuses commits, none is stored.
    pub fn alter(&self, stream: &str, altered: Vec<Altered>) {
        let mut streams = self.0.log.lock();
        streams.make(stream, Vec::new).altered = altered;
    }

    /// A stream's messages come in on these subjects from now on, as a transform would have it.
    pub fn transform(&self, stream: &str, may_hold: &[&str]) {
        let held = may_hold.iter().map(|subject| (*subject).to_owned()).collect();
        let mut streams = self.0.log.lock();
        streams.make(stream, Vec::new).may_hold = Some(held);
    }

    /// Somebody purges what a stream holds on subjects that match, but for the last.
    pub fn keep_last(&self, stream: &str, pattern: &str) {
        let mut streams = self.0.log.lock();
        let stream = streams.make(stream, Vec::new);
        let matches = |message: &Stored| subject::covers(pattern, &message.subject);
        let last = stream.messages.iter().rev().find(|message| matches(message));
        let last = last.map_or(0, |message| message.sequence);
        stream
            .messages
            .retain(|message| !matches(message) || message.sequence == last);
    }

    /// Somebody purges what a stream holds on subjects that match.
    pub fn purge(&self, stream: &str, pattern: &str) {
        let mut streams = self.0.log.lock();
        let stream = streams.make(stream, Vec::new);
        let stays = |message: &Stored| !subject::covers(pattern, &message.subject);
        stream.messages.retain(stays);
    }

    /// Somebody takes a stream away by hand, and has a backup of it.
    pub fn take_out(&self, name: &str) -> Option<Backup> {
        let taken = self.0.log.lock().held.remove(name);
        self.0.log.tell();
        taken.map(Backup)
    }

    /// A copy of a stream.
    pub fn back_up(&self, name: &str) -> Option<Backup> {
        self.0.log.lock().held.get(name).cloned().map(Backup)
    }

    /// The stream is restored.
    pub fn put_back(&self, name: &str, backup: Backup) {
        self.0.log.lock().held.insert(name.to_owned(), backup.0);
        self.0.log.tell();
    }

    /// Somebody deletes one message of a stream.
    pub fn delete(&self, stream: &str, sequence: u64) {
        let mut streams = self.0.log.lock();
        let stream = streams.make(stream, Vec::new);
        stream.messages.retain(|message| message.sequence != sequence);
    }

    /// A stream is as it was when this was its last message: a copy was put in its place.
    pub fn restore(&self, stream: &str, last_sequence: u64) {
        let mut streams = self.0.log.lock();
        let stream = streams.make(stream, Vec::new);
        stream
            .messages
            .retain(|message| message.sequence <= last_sequence);
        stream.last_sequence = last_sequence;
        stream.batched.retain(|sequence| *sequence <= last_sequence);
    }

    /// Makes a stream that computes its messages.
    pub fn generate(&self, stream: &str, messages: Generated) {
        self.0.log.generate(stream, messages);
    }

    /// Another broker with the same messages in a stream, on which nothing has run.
    #[must_use]
    pub fn beginning_with(&self, stream: &str, options: Options) -> Self {
        let other = Self::new(options);
        for message in self.messages(stream, ">") {
            other.publish_with(stream, &message.subject, message.headers, message.payload);
        }
        other
    }

    /// The last sequence that a stream ever gave.
    pub fn last_sequence(&self, stream: &str) -> u64 {
        let streams = self.0.log.lock();
        streams.held.get(stream).map_or(0, |stream| stream.last_sequence)
    }

    /// Pipelines' own streams: those that are there, and those that were removed, as they were then.
    pub fn own(&self) -> (Vec<Own>, Vec<Own>) {
        self.0.log.lock().own()
    }

    /// The partitions that have snapshots, and of which commits.
    pub fn snapshots(&self) -> Vec<(PartitionId, u64)> {
        lock(&self.0.snapshots).keys().cloned().collect()
    }

    /// Somebody deletes all snapshots by hand.
    pub fn lose_snapshots(&self) {
        lock(&self.0.snapshots).clear();
    }

    /// What a stream holds on subjects that match.
    pub fn messages(&self, stream: &str, pattern: &str) -> Vec<Stored> {
        let streams = self.0.log.lock();
        let messages = streams
            .held
            .get(stream)
            .into_iter()
            .flat_map(|stream| &stream.messages);
        messages
            .filter(|message| subject::covers(pattern, &message.subject))
            .cloned()
            .collect()
    }

    /// The broker stores what it has taken in, some time later; what else was asked for takes effect, too.
    pub fn store_late_batches(&self) {
        self.0.link.take_late_effect();
        let late = std::mem::take(&mut *lock(&self.0.late));
        for batch in late {
            // Refused where another commit came first, or another life is: that is the fence at work.
            let _ = self.store(&batch);
        }
    }

    /// Its largest payload of a message is another one from now on.
    pub fn set_max_payload(&self, bytes: usize) {
        self.0.max_payload.store(bytes, Ordering::Relaxed);
    }

    fn note_write(&self) {
        self.0.writes.fetch_add(1, Ordering::Relaxed);
    }
}
