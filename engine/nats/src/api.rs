//! JetStream's requests, as JSON over the connection, with its error codes kept: what an error means
//! for the engine depends on them.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tailrace_core::ports::broker::BrokerError;

/// Error codes of JetStream that the engine tells apart.
pub(crate) mod code {
    /// The stream does not exist.
    pub(crate) const STREAM_NOT_FOUND: u64 = 10_059;
    /// The consumer does not exist.
    pub(crate) const CONSUMER_NOT_FOUND: u64 = 10_014;
    /// No message under that sequence or subject.
    pub(crate) const NO_MESSAGE: u64 = 10_037;
    /// The last sequence is not the expected one.
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10_071;
    /// Another stream holds some of the subjects.
    pub(crate) const SUBJECTS_OVERLAP: u64 = 10_065;
    /// A stream of that name, configured in another way, is there.
    pub(crate) const NAME_IN_USE: u64 = 10_058;
    /// The same, for a constant expectation within a batch.
    pub(crate) const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10_164;
    /// The server is out of storage or memory.
    pub(crate) const NO_RESOURCES: u64 = 10_023;
    /// The account is out of storage.
    pub(crate) const NO_STORAGE: u64 = 10_047;
    /// A message of the batch was not stored, as on a full disk.
    pub(crate) const INCOMPLETE_BATCH: u64 = 10_176;
    /// A message of the batch bears an identifier that was stored before.
    pub(crate) const DUPLICATE_IN_BATCH: u64 = 10_201;
}

#[derive(Deserialize)]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

/// Reads an answer, or the error that it is.
pub(crate) fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, BrokerError> {
    let unreadable = |cause: String| BrokerError::Unreachable(format!("its answer cannot be read: {cause}"));
    let raw: Value = serde_json::from_slice(payload).map_err(|cause| unreadable(cause.to_string()))?;
    if let Some(error) = raw.get("error") {
        let ApiError {
            err_code,
            description,
        } = serde_json::from_value(error.clone()).map_err(|cause| unreadable(cause.to_string()))?;
        return Err(BrokerError::Refused {
            code: err_code,
            description,
        });
    }
    serde_json::from_value(raw).map_err(|cause| unreadable(cause.to_string()))
}

/// Whether an error bears this code.
pub(crate) fn is(error: &BrokerError, wanted: u64) -> bool {
    matches!(error, BrokerError::Refused { code, .. } if *code == wanted)
}
