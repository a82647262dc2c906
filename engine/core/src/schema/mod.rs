//! The JSON Schema that a plugin declares for its config, and what the engine does with it: reads the scalars of a
//! YAML config as their places are typed (`typing`), and says where a config is wrong (`check`).
//!
//! The keywords are those that name types and shapes: `type`, `enum`, `const`, `properties`, `required`,
//! `additionalProperties`, `items`, `prefixItems`, bounds of numbers and lengths, `allOf`, `anyOf`, `oneOf`, `not`,
//! `if`, `$ref` within the schema. Others are passed over: the plugin itself checks its config, and the schema is
//! there for an answer with the path of the field.

mod check;
mod kinds;
mod resolve;
mod typing;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::yaml::Yaml;

pub use check::Misfit;

/// Largest schema: it lies in the registry beside the plugin version.
pub const MAX_SCHEMA_BYTES: usize = 32 * 1024;
/// Custom section of a component, or of a core module in it, that holds the schema.
pub const SECTION: &str = "tailrace:config-schema";

/// A JSON Schema of a plugin's config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigSchema(Value);

impl ConfigSchema {
    /// Reads a schema.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.len() > MAX_SCHEMA_BYTES {
            let bytes = text.len();
            return Err(format!("it has {bytes} bytes, and at most {MAX_SCHEMA_BYTES} are taken"));
        }
        match serde_json::from_slice(text) {
            Ok(schema @ Value::Object(_)) => Ok(Self(schema)),
            Ok(_) => Err("it is no JSON object".to_owned()),
            Err(cause) => Err(format!("it is no JSON: {cause}")),
        }
    }

    /// Checks a config, after it was read by this schema where it was written in YAML.
    pub fn settle(&self, config: &mut Value, written: Option<&Yaml>) -> Result<(), Misfit> {
        if let Some(written) = written {
            *config = typing::typed(&self.0, written);
        }
        // A step without a config has null, and a plugin takes it as it takes no fields.
        if config.is_null() {
            return check::check(&self.0, &Value::Object(Map::new()));
        }
        check::check(&self.0, config)
    }

    /// As JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}
