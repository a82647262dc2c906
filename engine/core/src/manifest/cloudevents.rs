//! CloudEvents as a tenant declares them. What a manifest must hold of them is in [`super::cloudevents_rules`], and what
//! they are in messages in [`crate::cloudevents`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::defaults::is_default;

/// Longest name of an attribute; the specification advises 20.
pub const MAX_ATTRIBUTE_BYTES: usize = 64;

/// Whether the specification takes a name for that of an attribute.
pub fn is_attribute_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_ATTRIBUTE_BYTES).contains(&name.len()) && name.bytes().all(is_plain) && name != "data"
}

/// The payload that steps get of a CloudEvent, whichever form it came in. They get its attributes as headers
/// `ce-…` in any case, percent-encoded as the specification has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloudeventsPayload {
    /// Its data.
    Data,
    /// The envelope: a JSON object with the attributes and the data.
    Envelope,
}

/// The form of a CloudEvent in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloudeventsMode {
    /// Attributes are headers `ce-…`, and the payload is the data.
    #[default]
    Binary,
    /// The payload is an envelope: a JSON object with the attributes and the data.
    Structured,
}

/// The pipeline publishes CloudEvents. An event that the steps hand on unchanged keeps the attributes that it came
/// with; `subject`, `time` and `datacontenttype` are added where they lack. Any other gets an `id` that is the same at
/// every try, this `source` and `type`, its time and its key as `subject`. A plugin sets `type`, `subject`, `time` and
/// extensions by headers `ce-…` of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputCloudeventsManifest {
    /// The form in which they are published.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: CloudeventsMode,
    /// The type of messages that have none of their own. `{window}` and `{join}` stand for the name of the window or
    /// join, and for `events` if the message is an event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The source, a URI reference. The default is `/tailrace/` with the names of tenant and pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
