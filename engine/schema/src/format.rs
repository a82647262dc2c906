//! The three languages of schemas.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "SchemaFormat")]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// JSON Schema 2020-12; payloads are JSON.
    JsonSchema,
    /// Avro; payloads are its binary encoding.
    Avro,
    /// Protobuf; payloads are its wire format.
    Protobuf,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Self::JsonSchema, Self::Avro, Self::Protobuf];

    /// Its name in requests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| format!("{name:?} is no format of schemas; take json-schema, avro or protobuf"))
    }
}
