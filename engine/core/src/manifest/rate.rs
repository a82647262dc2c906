//! How much of a pipeline's work may happen within a time, and what becomes of events over it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    manifest::error::ManifestError,
    rate::{ByteRate, Rate},
};

/// Rate limits of a pipeline. At least one limit must be named. Events are counted before they are processed.
/// Outputs are counted afterwards, so one event may pass their limit. The excess counts against the time that
/// follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateManifest {
    /// The rate of events that are processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Rate>,
    /// The rate of messages that are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Rate>,
    /// The rate of bytes in the payloads of published messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<ByteRate>,
    /// The treatment of events over these limits or over the tenant's.
    #[serde(default)]
    pub over: Over,
}

/// The treatment of events over a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// The event waits, and later events stay at the broker.
    #[default]
    Wait,
    /// The event is counted as shed and is not processed.
    Drop,
    /// The event becomes a dead letter with the code `rate-limited` and is not processed.
    DeadLetter,
}

impl RateManifest {
    /// Refuses limits that cannot be kept.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let limits = [
            ("events", self.events),
            ("outputs", self.outputs),
            ("output-bytes", self.output_bytes.map(Rate::from)),
        ];
        for (name, limit) in limits {
            let wrong = limit.and_then(|limit| limit.check().err());
            if let Some((field, hint)) = wrong {
                return Err(ManifestError::new(format!("rate.{name}.{field}"), hint));
            }
        }
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            let hint = "name a limit: events, outputs or output-bytes; or leave `rate` out";
            return Err(ManifestError::new("rate", hint));
        }
        Ok(())
    }
}
