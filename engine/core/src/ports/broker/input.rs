//! Input streams, and what is read of them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    event::Header,
    identity::{EngineId, PipelineId},
    manifest::{OnLoss, Start},
    name::Name,
    observe::input::{InputWatch, Loss},
    watermark::Witness,
};

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
    /// Why its subject or its headers cannot be read, if they cannot; then it has no headers.
    pub unreadable: Option<String>,
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
