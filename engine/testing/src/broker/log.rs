//! The streams that the broker holds: messages in order, and word of each change to those who read them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tailrace_core::{
    altered::Altered,
    event::Header,
    life::Life,
    ports::{
        broker::{BrokerError, Incoming, StreamFacts},
        tenant_streams::TenantStream,
    },
    subject,
    watermark::Witness,
};
use tokio::sync::watch;

use super::generated::Generated;
use crate::sync::lock;

/// A stored message.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was received, milliseconds since the epoch.
    pub received_ms: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: Vec<Header>,
    /// Its payload.
    pub payload: Bytes,
}

impl Stored {
    pub(super) fn incoming(&self) -> Incoming {
        Incoming {
            sequence: self.sequence,
            received_ms: self.received_ms,
            subject: self.subject.clone(),
            headers: self.headers.clone(),
            payload: self.payload.clone(),
            unreadable: None,
        }
    }
}

/// A stream.
#[derive(Clone)]
pub(super) struct Stream {
    /// Tells a stream that was made anew from the one before.
    pub(super) created: String,
    /// Of the pipeline whose own it is; none where no engine made it.
    pub(super) life: Option<Life>,
    /// The sequence that it began with.
    pub(super) begun_at: u64,
    /// As the tenant wants it who made it; none where no tenant did.
    pub(super) tenant: Option<TenantStream>,
    pub(super) subjects: Vec<String>,
    /// Settings that somebody has altered.
    pub(super) altered: Vec<Altered>,
    /// What a transform makes of its subjects; none where there is none.
    pub(super) may_hold: Option<Vec<String>>,
    pub(super) messages: Vec<Stored>,
    /// Names of its consumers.
    pub(super) consumers: BTreeSet<String>,
    /// Sequences of outputs that atomic batches have brought.
    pub(super) batched: BTreeSet<u64>,
    /// The last sequence that it ever gave.
    pub(super) last_sequence: u64,
}

impl Stream {
    /// What it holds on this subject.
    pub(super) fn on<'a>(&'a self, subject: &'a str) -> impl DoubleEndedIterator<Item = &'a Stored> {
        self.messages
            .iter()
            .filter(move |message| message.subject == subject)
    }

    /// What it holds on subjects that match one of these, from a sequence on.
    pub(super) fn from<'a>(
        &'a self,
        sequence: u64,
        patterns: &'a [String],
    ) -> impl Iterator<Item = &'a Stored> {
        let begin = self
            .messages
            .partition_point(|message| message.sequence < sequence);
        let is_wanted = |message: &&Stored| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| subject::covers(pattern, &message.subject))
        };
        self.messages[begin..].iter().filter(is_wanted)
    }

    /// Messages that it ever stored.
    pub(super) fn stored(&self) -> u64 {
        self.last_sequence + 1 - self.life.unwrap_or_default().first_sequence()
    }

    pub(super) fn facts(&self, name: &str) -> StreamFacts {
        let first = self.messages.first();
        StreamFacts {
            name: name.to_owned(),
            created: self.created.clone(),
            replicas: 1,
            first_sequence: first.map_or(self.last_sequence + 1, |message| message.sequence),
            last_sequence: self.last_sequence,
            messages: self.messages.len() as u64,
            bytes: self
                .messages
                .iter()
                .map(|message| message.payload.len() as u64)
                .sum(),
            subjects: self.subjects.clone(),
            keeps_to_limits: true,
            life: self.life.unwrap_or_default(),
            begun_at: self.begun_at,
            is_engines: self.life.is_some(),
            is_described: self.life.is_some(),
            altered: self.altered.clone(),
            may_hold: self.may_hold.clone().unwrap_or_else(|| self.subjects.clone()),
        }
    }
}

/// A pipeline's own stream.
#[derive(Debug, Clone)]
pub struct Own {
    /// Its name.
    pub name: String,
    /// The life that it bears.
    pub life: Life,
    /// What it holds.
    pub messages: Vec<Stored>,
}

/// All streams.
pub(super) struct Streams {
    pub(super) held: BTreeMap<String, Stream>,
    /// What pipelines' own streams held when they were removed.
    removed: Vec<Own>,
    generated: BTreeMap<String, Arc<Generated>>,
    /// How many were ever made.
    made: u64,
    /// How many consumers were.
    consumers: u64,
    received_ms: fn(u64) -> u64,
}

impl Streams {
    /// The stream, made with these subjects where there is none.
    pub(super) fn make(&mut self, name: &str, subjects: impl FnOnce() -> Vec<String>) -> &mut Stream {
        self.held.entry(name.to_owned()).or_insert_with(|| {
            self.made += 1;
            Stream {
                created: format!("{:04}", self.made),
                life: None,
                begun_at: 1,
                tenant: None,
                subjects: subjects(),
                altered: Vec::new(),
                may_hold: None,
                messages: Vec::new(),
                consumers: BTreeSet::new(),
                batched: BTreeSet::new(),
                last_sequence: 0,
            }
        })
    }

    /// The stream of a pipeline's own. Its life says where its sequences begin.
    pub(super) fn make_own(
        &mut self,
        name: &str,
        life: Life,
        subjects: impl FnOnce() -> Vec<String>,
    ) -> &mut Stream {
        let stream = self.make(name, subjects);
        if stream.life.replace(life).is_none() && stream.messages.is_empty() {
            stream.last_sequence = life.first_sequence() - 1;
            stream.begun_at = life.first_sequence();
        }
        stream
    }

    /// The number of the consumer that is made next.
    pub(super) fn next_consumer(&mut self) -> u64 {
        self.consumers += 1;
        self.consumers
    }

    /// Removes a stream.
    pub(super) fn take_away(&mut self, name: &str) {
        if let Some(Stream {
            life: Some(life),
            messages,
            ..
        }) = self.held.remove(name)
        {
            self.removed.push(Own {
                name: name.to_owned(),
                life,
                messages,
            });
        }
    }

    /// Pipelines' own streams: those that are there, and those that were removed, as they were then.
    pub(super) fn own(&self) -> (Vec<Own>, Vec<Own>) {
        let held = self.held.iter().filter_map(|(name, stream)| {
            Some(Own {
                name: name.clone(),
                life: stream.life?,
                messages: stream.messages.clone(),
            })
        });
        (held.collect(), self.removed.clone())
    }

    /// Appends a message; gives its sequence. A stream that nobody declared takes every subject.
    pub(super) fn append(
        &mut self,
        stream: &str,
        subject: &str,
        headers: Vec<Header>,
        payload: Bytes,
    ) -> u64 {
        let received_ms = self.received_ms;
        let stream = self.make(stream, || vec![">".to_owned()]);
        let sequence = stream.last_sequence + 1;
        stream.last_sequence = sequence;
        stream.messages.push(Stored {
            sequence,
            received_ms: received_ms(sequence),
            subject: subject.to_owned(),
            headers,
            payload,
        });
        sequence
    }

    /// An atomic batch has brought this message.
    pub(super) fn note_batch(&mut self, stream: &str, sequence: u64) {
        self.make(stream, Vec::new).batched.insert(sequence);
    }

    /// Facts of a stream.
    pub(super) fn facts(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        let held = self.held.get(name).map(|stream| stream.facts(name));
        let generated = || self.generated.get(name).map(|stream| stream.facts(name));
        held.or_else(generated)
            .ok_or_else(|| BrokerError::NoStream(name.to_owned()))
    }

    /// Whether a stream has another message where this one was read.
    pub(super) fn has_another(&self, name: &str, witness: Witness) -> bool {
        let stream = self.held.get(name);
        let mut messages = stream.into_iter().flat_map(|stream| &stream.messages);
        messages
            .any(|message| message.sequence == witness.sequence && message.received_ms != witness.received_ms)
    }

    /// The stream, if it computes its messages.
    pub(super) fn generated(&self, name: &str) -> Option<Arc<Generated>> {
        self.generated.get(name).cloned()
    }
}

/// The streams, and word of their changes.
pub(super) struct Log {
    streams: Mutex<Streams>,
    changed: watch::Sender<u64>,
}

impl Log {
    pub(super) fn new(received_ms: fn(u64) -> u64) -> Self {
        Self {
            streams: Mutex::new(Streams {
                held: BTreeMap::new(),
                removed: Vec::new(),
                generated: BTreeMap::new(),
                made: 0,
                consumers: 0,
                received_ms,
            }),
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Streams> {
        lock(&self.streams)
    }

    /// Tells those who read that a stream has changed.
    pub(super) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn generate(&self, name: &str, stream: Generated) {
        self.lock().generated.insert(name.to_owned(), Arc::new(stream));
        self.tell();
    }
}
