//! Timers that plugins set: wake-ups in event time. They are part of an event's effects, so they are committed and
//! taken back with it.

use serde::{Deserialize, Serialize};

/// Longest name of a timer, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// Largest payload of a timer.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// A timer that is due. There is one for each step, event key and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// As the plugin named it.
    pub name: String,
    /// The key of the event that set it.
    pub key: String,
    /// When it was due, in milliseconds of event time. It is the watermark of its call.
    pub at_ms: u64,
    /// What the plugin gave it to take along.
    pub payload: Vec<u8>,
    /// The sequence of the event that set it.
    pub set_by: u64,
}

/// What the wake-up of a timer takes along, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The sequence of the event that set it.
    pub set_by: u64,
    /// What the plugin gave it.
    pub payload: Vec<u8>,
}

impl Carried {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("it always serialises into memory")
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
