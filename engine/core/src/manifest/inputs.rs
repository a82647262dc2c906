//! Several inputs as a tenant declares them. What they mean for a pipeline is in [`super::input_parts`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::{CloudeventsPayload, Extract, PayloadSchemaManifest, TimeManifest};

/// One of several inputs. Each has a clock of its own, as if `input.watermark.per` told them apart. The watermark
/// follows the one that is furthest behind. An event bears the name of its input in the header `Tr-Input`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NamedInputManifest {
    /// Subject patterns within the tenant's read grant. No pattern of a pipeline overlaps another.
    pub subjects: Vec<String>,
    /// The place of an event's key. Without it `input.key` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Extract>,
    /// The place of an event's time, and how it is read. Without it `input.time` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeManifest>,
    /// The schema of payloads. Without it `input.schema` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<PayloadSchemaManifest>,
    /// Its events are CloudEvents. Without it `input.cloudevents` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudevents: Option<CloudeventsPayload>,
}
