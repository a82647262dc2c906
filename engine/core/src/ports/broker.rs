//! The broker, as the engine sees it: input streams, the stream of a pipeline's own, dead letters.
//! Implemented by `engine/nats`.
//!
//! What an implementation promises:
//! - a [`Subscription`] gives every message of its subjects from its start in stream order, each
//!   once, for ever: a lost consumer is rebuilt behind it, with backoff; only what a rebuild cannot
//!   mend ([`InputError`]) comes out;
//! - [`CommitLog::commit`] stores all messages or none, and only if the last message of the commit
//!   subject is the expected one. When it cannot know, it says [`CommitError::Unknown`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    altered::Altered,
    event::Header,
    identity::{EngineId, PartitionId, PipelineId},
    life::Life,
    manifest::{Delivery, OnLoss, OutputManifest, PipelineManifest, Start},
    name::Name,
    observe::input::{InputWatch, Loss},
    watermark::Witness,
};

/// The smallest `max_payload` of the broker that an engine works with: a message bears the engine's own headers, and
/// those of the atomic batch, beside what an event brings.
pub const LEAST_MAX_PAYLOAD: usize = 16 * 1024;

/// What is wrong with a broker that takes messages of no more than these bytes, and the way out.
pub fn too_small_a_limit(max_payload: usize) -> Option<String> {
    (max_payload < LEAST_MAX_PAYLOAD).then(|| {
        format!(
            "the broker takes messages of at most {max_payload} bytes, and the engine needs {LEAST_MAX_PAYLOAD} for its own part of them; raise max_payload in the configuration of the NATS server and reload it (operator); it goes on by itself"
        )
    })
}

/// A request to the broker failed. The broker's or the network's fault: worth another try.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    /// No connection, or no answer in time.
    #[error("the broker does not answer: {0}")]
    Unreachable(String),
    /// The broker answered with an error.
    #[error("the broker refuses: {description} (code {code})")]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// The stream does not exist.
    #[error("there is no stream {0:?}")]
    NoStream(String),
}

/// What is known of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFacts {
    /// Its name.
    pub name: String,
    /// When it was created, as the broker writes it: tells a recreated stream from the old one.
    pub created: String,
    /// How many copies of it there are.
    pub replicas: u64,
    /// First sequence that it still holds.
    pub first_sequence: u64,
    /// Last sequence that it ever gave.
    pub last_sequence: u64,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Subjects that it holds.
    pub subjects: Vec<String>,
    /// Whether messages stay until they are too old or too many; otherwise they go when they are
    /// acknowledged, and one reader of the engine's must see them all.
    pub keeps_to_limits: bool,
    /// The life that it bears: of the pipeline whose own it is.
    pub life: Life,
    /// Whether an engine made it.
    pub is_engines: bool,
    /// Patterns of all that may come into it from now on.
    pub may_hold: Vec<String>,
    /// Of a pipeline's own: what of it is not as the engine made it.
    pub altered: Vec<Altered>,
}

/// A stream with its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedStream {
    /// What is known of it.
    pub facts: StreamFacts,
    /// The node that answers for it; none where the broker is one server, or no node does at present.
    pub leader: Option<String>,
    /// Its other copies, as the leader sees them.
    pub followers: Vec<Follower>,
}

/// A copy of a stream that follows its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The node that it lies on.
    pub node: String,
    /// Whether it holds all that the leader does.
    pub is_current: bool,
    /// Whether the node is away.
    pub is_offline: bool,
    /// Operations that it is behind.
    pub lag: u64,
}

/// Some of the streams of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamPage {
    /// They themselves.
    pub streams: Vec<CopiedStream>,
    /// How many there are in all.
    pub total: u64,
}

/// The streams of the broker.
#[async_trait]
pub trait Streams: Send + Sync {
    /// Facts of a stream by name.
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError>;
    /// Names of the streams whose subjects overlap the pattern.
    async fn streams_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError>;
    /// Names of the streams whose messages come from elsewhere and that hold some on subjects of the pattern.
    async fn derived_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError>;
    /// Makes the pipeline's own stream. One of the same life is left as it is; one of another life is an error.
    async fn create_own(&self, own: &OwnStream) -> Result<StreamFacts, OwnError>;
    /// Brings the pipeline's own stream to these subjects, or adds them where `keeps` those that it has. Never
    /// makes one: it holds what is committed, so one that is gone is a loss that somebody must hear of.
    async fn bring_own(&self, own: &OwnStream, keeps: bool) -> Result<StreamFacts, OwnError>;
    /// Gives the pipeline's own stream back the settings that it was made with.
    async fn mend_own(&self, pipeline: &PipelineId) -> Result<(), BrokerError>;
    /// Deletes the pipeline's own stream, where it is of this life; fine if there is none.
    async fn remove_own(&self, pipeline: &PipelineId, life: Life) -> Result<(), BrokerError>;
    /// Deletes the pipeline's consumers on an input stream; fine if they do not exist.
    async fn remove_consumers(&self, pipeline: &PipelineId, input: &str) -> Result<(), BrokerError>;
    /// The consumers that engines made, with the stream that each reads.
    async fn engine_consumers(&self) -> Result<Vec<(String, String)>, BrokerError>;
    /// Deletes a consumer; fine if there is none.
    async fn remove_consumer(&self, stream: &str, consumer: &str) -> Result<(), BrokerError>;
    /// How many replicas what the engine makes is to have; none where the broker is one server.
    fn wanted_replicas(&self) -> Option<u64> {
        None
    }
    /// Gives what the engine has made as many replicas as are wanted; never fewer than there are.
    async fn raise_replicas(&self) -> Result<(), BrokerError> {
        Ok(())
    }
    /// The broker's clock, milliseconds since the epoch; none where it does not say.
    async fn time_ms(&self) -> Result<Option<u64>, BrokerError>;
    /// The streams that an engine made for pipelines.
    async fn own_streams(&self) -> Result<Vec<StreamFacts>, BrokerError>;
    /// All streams of the account, whoever made them, with their copies: as many of them as the broker tells at once,
    /// after so many.
    async fn page_of_streams(&self, offset: u64) -> Result<StreamPage, BrokerError>;
    /// Keeps the outputs below a size by purging the oldest; commit records are never touched.
    async fn trim_outputs(&self, own: &OwnStream) -> Result<(), BrokerError>;
    /// Largest payload of a message, as far as it is known.
    fn max_payload(&self) -> usize;
    /// The same, once the broker was asked anew: it may have been given another limit.
    async fn asked_max_payload(&self) -> usize {
        self.max_payload()
    }
    /// Whether the broker writes to its disk before it answers; none where it is not known.
    async fn syncs_always(&self) -> Option<bool>;
    /// Whether the broker is connected right now.
    fn is_connected(&self) -> bool;
    /// How many messages on these subjects the stream holds from one sequence to another, both
    /// included, as the broker counts them; none where it cannot tell.
    async fn count(
        &self,
        stream: &str,
        subjects: &[String],
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, BrokerError>;
}

/// The stream of a pipeline's own cannot be made, or used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OwnError {
    /// It is gone, and with it all that was committed.
    #[error("the pipeline's own stream {0:?} is gone, and with it what was committed")]
    Gone(String),
    /// A stream of that name is not this pipeline's.
    #[error("stream {name:?} is not this pipeline's own: {why}")]
    Foreign {
        /// Its name.
        name: String,
        /// How one knows.
        why: String,
    },
    /// The broker failed, or refuses it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The stream of a pipeline's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStream {
    /// Whose.
    pub pipeline: PipelineId,
    /// Which life of it.
    pub life: Life,
    /// Pattern of the outputs; none where the pipeline publishes nothing.
    pub output_pattern: Option<String>,
    /// How long outputs are kept.
    pub keep_age: Option<Duration>,
    /// Bytes above which the oldest outputs are purged.
    pub keep_bytes: Option<u64>,
    /// Fewest replicas; none for as many as the engine's configuration says.
    pub replicas: Option<u64>,
}

/// What to subscribe to.
#[derive(Debug, Clone)]
pub struct SubscribeRequest {
    /// Names the consumer on the broker.
    pub pipeline: PipelineId,
    /// A further part of the consumer's name: `input`, `redrive`, or a table.
    pub role: String,
    /// The engine, so that engines do not take each other's consumers away.
    pub engine: EngineId,
    /// The stream.
    pub stream: String,
    /// The subjects, as filters.
    pub subjects: Vec<String>,
    /// First sequence wanted, once there is a position.
    pub from_sequence: Option<u64>,
    /// Where to start while there is no position.
    pub start: Start,
    /// When the stream was made whose sequences the positions are; none where that is not known.
    pub stream_created: Option<String>,
    /// The last message that was read before; none where that is not known.
    pub witness: Option<Witness>,
    /// What is done about events that were dropped before they were processed.
    pub on_loss: OnLoss,
    /// Up to this sequence it goes on, whatever was dropped.
    pub accepted_loss: u64,
    /// Whether only the newest message of a key counts, so that it is no loss if others are gone.
    pub keeps_newest: bool,
    /// Where it is shown what the input is like.
    pub watch: Arc<InputWatch>,
}

/// A message of an input stream.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When the broker received it, milliseconds since the epoch.
    pub received_ms: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers, the broker's own included.
    pub headers: Vec<Header>,
    /// Its payload.
    pub payload: Bytes,
}

/// What no rebuild of a consumer can mend; the pipeline is parked and an alarm raised.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InputError {
    /// The stream was deleted.
    #[error("the input stream {0:?} was deleted")]
    Deleted(String),
    /// A stream of the same name was made anew, or restored from before, so positions mean nothing.
    #[error(
        "the input stream {0:?} was made anew, or restored from before; its sequences are not those that were committed"
    )]
    Recreated(String),
    /// The same stream holds less than it did: positions mean nothing beyond its end.
    #[error(
        "the input stream {0:?} ends before what was committed, as one does that was restored from a backup; what it gives from here on would be taken for what was read"
    )]
    Restored(String),
    /// Events of the pipeline were dropped before they were processed, and that is not to be passed over.
    #[error(
        "the input stream {stream:?} dropped {} events, sequences {} to {}, before they were processed",
        loss.events, loss.from, loss.to
    )]
    Lost {
        /// The stream.
        stream: String,
        /// What was lost.
        loss: Loss,
    },
}

impl InputError {
    /// What is wrong, with the commands by which this pipeline goes on.
    pub fn with_exit(&self, pipeline: &Name) -> String {
        let resume = format!("tailrace pipeline resume {pipeline}");
        let exit = match self {
            Self::Deleted(_) => format!(
                "make it again, then: {resume} --from first; to read another stream: {resume} --stream STREAM --from first"
            ),
            Self::Recreated(_) | Self::Restored(_) => format!(
                "to read it from its beginning with the state kept: {resume} --from first; from a sequence: --from SEQUENCE"
            ),
            Self::Lost { .. } => format!(
                "to go on without them: {resume} --accept-loss; to go on by itself the next time: input.on-loss: continue"
            ),
        };
        format!("{self}; {exit}")
    }
}

/// Input streams.
#[async_trait]
pub trait Input: Send + Sync {
    /// Opens a subscription; tries until the broker answers.
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError>;
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Messages of its subjects that were not given yet.
    pub pending: u64,
    /// Up to here there is none that was not given; none where some are pending, or that is not certain.
    pub complete_to: Option<u64>,
}

/// An endless, ordered flow of messages.
#[async_trait]
pub trait Subscription: Send {
    /// The next messages, at least one and at most `max`; waits for them. Cancel-safe.
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError>;
    /// Acknowledges everything up to and with `watermark`, the low-water position. A courtesy: it never fails
    /// and may be lost.
    async fn acknowledge(&mut self, watermark: u64);
    /// How often the consumer was rebuilt.
    fn rebuilds(&self) -> u64;
    /// How far the broker says that this subscription has come; none where it cannot tell now. Looks at the stream
    /// too: what is wrong with it is shown in the request's watch.
    async fn standing(&mut self) -> Result<Option<Standing>, InputError> {
        Ok(None)
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// A checked subject of the pipeline's own stream.
    pub subject: String,
    /// Headers; none starts with `Nats-`.
    pub headers: Vec<Header>,
    /// The payload.
    pub payload: Bytes,
    /// Deterministic identifier (`<pipeline>:<sequence>:<k>`); none where an atomic batch needs none.
    pub id: Option<String>,
    /// How long to keep it; none for ever.
    pub keep: Option<Duration>,
}

/// What one commit makes durable, in this order.
#[derive(Debug, Clone)]
pub struct CommitBatch {
    /// The partition.
    pub partition: PartitionId,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Outputs and dead letters.
    pub outputs: Vec<Output>,
    /// The commit record, in parts.
    pub record: Vec<Bytes>,
    /// Sequence of the last message on the commit subject; 0 if there is none.
    pub expected: u64,
}

/// Why a commit did not happen, or may not have happened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Another owner of the partition has committed. Nothing was stored.
    #[error("another engine owns the partition: its commit subject is no longer at {expected}")]
    Fenced {
        /// What was expected.
        expected: u64,
    },
    /// The broker refused it. Nothing was stored.
    #[error("the broker refuses the commit: {description} (code {code})")]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// A message of it is larger than the broker takes now. Nothing was stored.
    #[error("a message of the commit is larger than the broker's max_payload of {max_payload} bytes")]
    TooLarge {
        /// What the broker takes.
        max_payload: usize,
    },
    /// The broker can store nothing at present, this neither. Nothing was stored.
    #[error("the broker cannot store the commit at present: {description} (code {code})")]
    NoRoom {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// No stream takes it: the pipeline's own is gone, or is without a leader at present. Nothing was stored.
    #[error("no stream takes the commit")]
    Untaken,
    /// Whether it was stored is not known: ask the commit subject.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

/// A message of a commit subject.
#[derive(Debug, Clone)]
pub struct StoredPart {
    /// Its sequence in the pipeline's stream.
    pub sequence: u64,
    /// Its payload.
    pub payload: Bytes,
}

/// What a pipeline's own stream holds at one moment.
#[derive(Debug, Clone)]
pub struct BrokerCounts {
    /// Messages that it ever stored.
    pub stored: u64,
    /// Messages on the redrive subject; they come from the control plane, not from a commit.
    pub redriven: u64,
    /// The last part of each partition's last record.
    pub records: Vec<StoredPart>,
}

/// Commits and what was committed.
#[async_trait]
pub trait CommitLog: Send + Sync {
    /// Stores a batch; gives the sequence of the record's last part.
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError>;
    /// Publishes outputs of `at-most-once`, behind the commit of this sequence. The first of them is answered for, so
    /// that nothing is sent for a partition of which another engine has committed since, or that ended: that alone is
    /// an error. The others are not waited for.
    async fn publish_unconfirmed(
        &self,
        partition: &PartitionId,
        expected: u64,
        outputs: &[Output],
    ) -> Result<(), CommitError>;
    /// The last message of the commit subject.
    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError>;
    /// Messages of the commit subject after a sequence, in order, at most `limit`; empty at the end.
    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError>;
    /// The pipeline's own stream at one moment: its last sequence, and each partition's last record
    /// at or before it.
    async fn books(&self, pipeline: &PipelineId) -> Result<BrokerCounts, BrokerError>;
    /// Stores a record on a commit subject that has none; gives the sequence of its last part, or of the
    /// last one that is there already.
    async fn begin(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError>;
    /// Deletes messages of the commit subject before a sequence.
    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError>;
}

/// A dead letter as it lies in the stream.
#[derive(Debug, Clone)]
pub struct StoredDeadLetter {
    /// Its sequence in the pipeline's stream; what names it.
    pub sequence: u64,
    /// When it was stored, milliseconds since the epoch.
    pub stored_ms: u64,
    /// Its headers.
    pub headers: Vec<Header>,
    /// The payload of the event at the step that failed.
    pub payload: Bytes,
}

/// Dead letters of a pipeline.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Dead letters after a sequence, in order, at most `limit`.
    async fn list(
        &self,
        pipeline: &PipelineId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredDeadLetter>, BrokerError>;
    /// One dead letter.
    async fn get(
        &self,
        pipeline: &PipelineId,
        sequence: u64,
    ) -> Result<Option<StoredDeadLetter>, BrokerError>;
    /// Publishes it on the redrive subject, once however often it is asked, then deletes it.
    async fn redrive(&self, pipeline: &PipelineId, letter: &StoredDeadLetter) -> Result<(), BrokerError>;
    /// How many there are.
    async fn count(&self, pipeline: &PipelineId) -> Result<u64, BrokerError>;
    /// Publishes an order to the partitions on the redrive subject, under this last token of its subject; gives its
    /// sequence.
    async fn order(&self, pipeline: &PipelineId, token: &str, order: Bytes) -> Result<u64, BrokerError>;
}

/// Large objects: snapshots of partitions.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Stores a snapshot under the partition's name; replaces none.
    async fn put(
        &self,
        partition: &PartitionId,
        commit: u64,
        metadata: BTreeMap<String, String>,
        chunks: Vec<Bytes>,
    ) -> Result<(), BrokerError>;
    /// Commit numbers of the stored snapshots, newest first.
    async fn list(&self, partition: &PartitionId) -> Result<Vec<u64>, BrokerError>;
    /// A snapshot with its metadata.
    async fn get(
        &self,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<(BTreeMap<String, String>, Vec<u8>)>, BrokerError>;
    /// Deletes a snapshot.
    async fn delete(&self, partition: &PartitionId, commit: u64) -> Result<(), BrokerError>;
    /// The partitions that have snapshots.
    async fn partitions(&self) -> Result<Vec<PartitionId>, BrokerError>;
}

/// The stream that a pipeline of this manifest needs.
pub fn own_stream(pipeline: &PipelineId, life: Life, manifest: &PipelineManifest) -> OwnStream {
    let output = manifest.output.as_ref();
    OwnStream {
        pipeline: pipeline.clone(),
        life,
        output_pattern: output.map(OutputManifest::pattern),
        keep_age: output.and_then(|output| output.keep.age).map(|age| age.0),
        keep_bytes: output.and_then(|output| output.keep.bytes).map(|bytes| bytes.0),
        replicas: output.and_then(|output| output.replicas).map(u64::from),
    }
}

/// Whether a stream of this name is the pipeline's own, and not of another life of it.
pub fn check_own(facts: &StreamFacts, own: &OwnStream) -> Result<(), OwnError> {
    let foreign = |why: String| {
        Err(OwnError::Foreign {
            name: facts.name.clone(),
            why,
        })
    };
    if !facts.is_engines {
        return foreign("no engine made it".to_owned());
    }
    if facts.life != own.life {
        return foreign(format!(
            "it is of life {}, and this one is {}",
            facts.life, own.life
        ));
    }
    Ok(())
}
