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
mod tables;
mod typing;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::yaml::Yaml;

pub use check::Misfit;
pub use tables::NamedTable;

/// Largest schema: it lies in the registry beside the plugin version.
pub const MAX_SCHEMA_BYTES: usize = 32 * 1024;
/// Custom section of a component, or of a core module in it, that holds the schema.
pub const SECTION: &str = "tailrace:config-schema";

/// A JSON Schema of a plugin's config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct ConfigSchema(Value);

impl ConfigSchema {
    /// Reads a schema.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.len() > MAX_SCHEMA_BYTES {
            let bytes = text.len();
            return Err(format!(
                "it has {bytes} bytes, and at most {MAX_SCHEMA_BYTES} are taken"
            ));
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

    /// The entry of the step's state that answers for a key which is not there: `x-stand-ins` names one for keys with
    /// a prefix. Of several prefixes the longest counts.
    pub fn stand_in(&self, key: &str) -> Option<&str> {
        let declared = self.0.get("x-stand-ins")?.as_object()?.iter();
        let fitting = declared.filter(|(prefix, _)| key.starts_with(prefix.as_str()));
        let (_, stand_in) = fitting.max_by_key(|(prefix, _)| prefix.len())?;
        stand_in.as_str().filter(|stand_in| *stand_in != key)
    }

    /// The tables that a config names: `x-tables` lists the places. None where the schema does not say, for then the
    /// plugin may ask for any.
    pub fn tables(&self, config: &Value) -> Option<Vec<NamedTable>> {
        tables::named(&self.0, config)
    }

    /// As JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_answers_for_keys_with_its_prefix() {
        let schema = |text: &str| ConfigSchema::parse(text.as_bytes()).unwrap();
        let declared = schema(r#"{"x-stand-ins":{"list/":"any","list/new/":"fresh","odd":5}}"#);
        for (key, stand_in) in [
            ("list/u1", Some("any")),
            ("list/", Some("any")),
            ("list/new/u1", Some("fresh")),
            ("user/u1", None),
            ("odd", None),
        ] {
            assert_eq!(declared.stand_in(key), stand_in, "{key}");
        }
        assert_eq!(schema(r#"{"x-stand-ins":{"":"any"}}"#).stand_in("any"), None);
        assert_eq!(schema(r#"{"x-stand-ins":[]}"#).stand_in("any"), None);
        assert_eq!(schema("{}").stand_in("any"), None);
    }

    #[test]
    fn a_step_without_a_config_is_checked_as_one_without_fields() {
        let needs = ConfigSchema::parse(br#"{"type":"object","required":["a"]}"#).unwrap();
        let misfit = needs.settle(&mut Value::Null, None).unwrap_err();
        assert_eq!(misfit.to_string(), "config: the field `a` is missing");
        let takes =
            ConfigSchema::parse(br#"{"type":"object","properties":{"a":{"type":"string"}}}"#).unwrap();
        let mut config = serde_json::json!({"a": 1000.0});
        assert!(takes.settle(&mut config, None).is_err());
        let written = crate::yaml::parse("a: 1e3").unwrap();
        takes.settle(&mut config, Some(&written)).unwrap();
        assert_eq!(config, serde_json::json!({"a": "1e3"}));
    }
}
