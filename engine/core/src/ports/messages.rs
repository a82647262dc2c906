//! Messages that a tenant sends and reads by hand, over the API. What runs uses [`super::broker`].

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

use crate::{
    event::Header,
    ports::broker::{BrokerError, Incoming},
};

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// A checked subject.
    pub subject: String,
    /// Headers; none is the broker's own.
    pub headers: Vec<Header>,
    /// The payload.
    pub payload: Bytes,
    /// Names it, so that its stream takes it once within its window for duplicates.
    pub id: Option<String>,
}

/// Where a message lies that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StoredAt {
    /// The stream that holds it.
    pub stream: String,
    /// Its sequence there.
    pub sequence: u64,
    /// Whether it lay there already, under the same id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

/// Why a message was not stored.
#[derive(Debug, Clone)]
pub enum SendError {
    /// No stream holds its subject.
    Untaken,
    /// The broker failed, or refuses it.
    Broker(BrokerError),
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// With this sequence, or the next one that there is.
    Sequence(u64),
    /// With the first message that was stored then or later, milliseconds since the epoch.
    Time(u64),
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct MessagePage {
    /// In the order of the stream.
    pub messages: Vec<Incoming>,
    /// How many come after these.
    pub pending: u64,
}

/// Messages of streams, one by one.
#[async_trait]
pub trait Messages: Send + Sync {
    /// Sends messages in this order; tells of each what came of it.
    async fn send(&self, messages: Vec<NewMessage>) -> Vec<Result<StoredAt, SendError>>;
    /// Messages on subjects of a pattern: at most so many, and as few as have so many bytes.
    async fn read(
        &self,
        stream: &str,
        pattern: &str,
        from: ReadFrom,
        limit: usize,
        bytes: usize,
    ) -> Result<MessagePage, BrokerError>;
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untaken => f.write_str("no stream holds the subject"),
            Self::Broker(cause) => cause.fmt(f),
        }
    }
}
