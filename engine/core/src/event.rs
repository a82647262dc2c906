//! What crosses the sandbox border: events in, verdicts out. The shapes of `wit/types.wit`, as the
//! engine holds them. Payloads are [`Bytes`], so an event that is forwarded is never copied.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A name and a value beside the payload. Names starting with `Nats-` never reach a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Header {
    /// As the publisher wrote it.
    pub name: String,
    /// UTF-8; other bytes are replaced when the message comes in.
    pub value: String,
}

/// One event, as a step receives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the input stream, from 1; the same at every delivery.
    pub sequence: u64,
    /// Event time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Subject that it was published on, or that the step before gave it.
    pub subject: String,
    /// Partition key.
    pub key: String,
    /// Headers, in the publisher's order.
    pub headers: Vec<Header>,
    /// The payload, any bytes.
    pub payload: Bytes,
}

/// What a step hands on in place of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// None: the pipeline's output subject.
    pub subject: Option<String>,
    /// None: the key of the event that caused it.
    pub key: Option<String>,
    /// Headers for the message.
    pub headers: Vec<Header>,
    /// The payload, any bytes.
    pub payload: Bytes,
}

/// What becomes of an event that was processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Hand the event on unchanged.
    Forward,
    /// Hand these on in its place, in this order.
    Emit(Vec<Message>),
    /// It ends here, on purpose.
    Drop,
}

/// Why the event itself is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Short and stable, for counting.
    pub code: String,
    /// For a person to read.
    pub reason: String,
}
