//! Schemas as they are kept: an entry for what holds for all versions of a name, and one for each version. The first
//! says how many numbers were given, so none is given twice.

use serde::{Deserialize, Serialize};
use tailrace_schema::{Compatibility, Format};

use crate::{identity::Digest, life::Life, name::Name};

/// What holds for all versions of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Schema {
    /// Its name.
    pub name: Name,
    /// Which life of that name it is.
    pub life: Life,
    /// Life of the tenant that pushed it.
    pub tenant_life: Life,
    /// What a new version is compared with.
    pub compatibility: Compatibility,
    /// The highest number that a version was ever given.
    pub last: u32,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
}

/// One version of a schema. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SchemaVersion {
    /// The name of the schema.
    pub schema: Name,
    /// Its number.
    pub version: u32,
    /// Made of the content: the same content has the same id under every name, and no other content has it.
    pub id: u32,
    /// Life of the schema.
    pub life: Life,
    /// Life of the tenant that pushed it.
    pub tenant_life: Life,
    /// Whether it is being deleted: nothing new refers to it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// What it is written in.
    pub format: Format,
    /// JSON Schema: whether `format` is judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assert_formats: bool,
    /// The schema itself.
    pub text: String,
    /// The versions that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<SchemaReference>,
    /// Digest of all of it.
    pub digest: Digest,
    /// When it was pushed, milliseconds since the epoch.
    pub created_ms: u64,
}

/// A version that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaReference {
    /// What the text calls it: the `$ref`, the import; for Avro any name.
    pub name: String,
    /// The schema.
    pub schema: Name,
    /// Its version.
    pub version: u32,
}
