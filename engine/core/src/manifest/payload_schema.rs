//! Which schema payloads have, as a tenant declares it. What a manifest must hold is in [`super::schema_rules`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{manifest::defaults::is_default, name::Name};

/// The schema of payloads: a version that was pushed with `tailrace schema push`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PayloadSchemaManifest {
    /// The schema.
    pub name: Name,
    /// Its version. Without it the engine fills in the latest one when the manifest is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The message that payloads are, for Protobuf. Without it they are the first of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The bytes before a payload.
    #[serde(default, skip_serializing_if = "is_default")]
    pub framing: Framing,
}

/// The bytes before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Nothing.
    #[default]
    None,
    /// Confluent's header: a zero byte, the id of the version that has written the payload, and for Protobuf the way
    /// to the message. An input may hold payloads of any version of the tenant's schemas.
    Confluent,
}

/// The treatment of the tenant's rules that bind subjects to schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaRules {
    /// An input that names no schema gets that of the rule which its subjects fall under, when the manifest is applied.
    /// A schema that contradicts a rule is refused.
    #[default]
    Apply,
    /// They do not hold for this pipeline.
    Ignore,
}

/// The form in which plugins get a payload that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decode {
    /// JSON.
    #[default]
    Json,
    /// The payload as it came. The engine still finds key, time and sketch values in the decoded one.
    Raw,
}
