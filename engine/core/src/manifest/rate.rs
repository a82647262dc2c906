//! How much of a pipeline's work may happen within a time, and what becomes of events over it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    manifest::error::SpecError,
    rate::{ByteRate, Rate},
};

/// How much a pipeline may do within a time. Events are counted before they are processed; outputs
/// after it, so one event may pass their limit, and what is over counts against the time that follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateSpec {
    /// Events that are processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Rate>,
    /// Messages that are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Rate>,
    /// Bytes of their payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<ByteRate>,
    /// What becomes of an event for which there is no room, be it over these limits or over the
    /// tenant's.
    #[serde(default)]
    pub over: Over,
}

/// What becomes of an event for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// It waits, and those behind it stay at the broker.
    #[default]
    Wait,
    /// It is counted and let go, unprocessed.
    Drop,
    /// It becomes a dead letter with the code `rate-limited`, unprocessed.
    DeadLetter,
}

impl RateSpec {
    /// Refuses limits that cannot be kept.
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let limits = [
            ("events", self.events),
            ("outputs", self.outputs),
            ("output-bytes", self.output_bytes.map(Rate::from)),
        ];
        for (name, limit) in limits {
            let wrong = limit.and_then(|limit| limit.check().err());
            if let Some((field, hint)) = wrong {
                return Err(SpecError::new(format!("rate.{name}.{field}"), hint));
            }
        }
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            let hint = "name a limit: events, outputs or output-bytes; or leave `rate` out";
            return Err(SpecError::new("rate", hint));
        }
        Ok(())
    }
}
