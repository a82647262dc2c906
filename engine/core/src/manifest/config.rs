//! The config of a step by itself, as a file or a request brings it: in JSON, or in YAML, whose plain scalars have no
//! type of their own until a schema types their places.

use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    manifest::{
        error::ManifestError,
        parse::{JsonFlaw, MAX_MANIFEST_BYTES, json_value},
    },
    schema::{ConfigSchema, Misfit},
    yaml::{self, Yaml, places::Position},
};

/// A config as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenConfig {
    value: Value,
    /// None for JSON.
    yaml: Option<Yaml>,
}

impl WrittenConfig {
    /// The config of a step in a manifest, which may keep it as it was written in YAML.
    pub fn new(value: Value, yaml: Option<Yaml>) -> Self {
        Self { value, yaml }
    }

    /// Reads a config.
    pub fn read(text: &[u8]) -> Result<Self, ManifestError> {
        let wrong = |why: String| ManifestError::new("config", why);
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(wrong(format!("longer than {MAX_MANIFEST_BYTES} bytes")));
        }
        let text = std::str::from_utf8(text).map_err(|_| wrong("not UTF-8 text".to_owned()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_start().starts_with('{') {
            let read = json_value(text).map_err(|JsonFlaw { why, position, .. }| {
                let Position { line, column } = position;
                wrong(format!("{why}, at line {line}, column {column}"))
            });
            return Ok(Self::new(read?.0, None));
        }
        let tree = yaml::parse(text).map_err(|cause| wrong(format!("not YAML: {cause}")))?;
        let value = Value::deserialize(tree.clone()).map_err(|cause| wrong(cause.to_string()))?;
        Ok(Self::new(value, Some(tree)))
    }

    /// The config as the plugin gets it: typed and checked by the plugin's schema, if it has one.
    pub fn settled(self, schema: Option<&ConfigSchema>) -> Result<Value, Misfit> {
        let Self { mut value, yaml } = self;
        if let Some(schema) = schema {
            schema.settle(&mut value, yaml.as_ref())?;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_config_by_itself_is_typed_by_the_schema_like_one_in_a_manifest() {
        let schema = ConfigSchema::parse(
            br#"{"properties":{"codes":{"type":"array","items":{"type":"string"}}},"additionalProperties":false}"#,
        );
        let schema = schema.unwrap();
        let settled = |text: &str| {
            WrittenConfig::read(text.as_bytes())
                .unwrap()
                .settled(Some(&schema))
        };
        assert_eq!(
            settled("codes: [NO, 08001, 1e3]").unwrap(),
            json!({"codes": ["NO", "08001", "1e3"]})
        );
        assert_eq!(settled("{\"codes\": [\"1\"]}").unwrap(), json!({"codes": ["1"]}));
        assert_eq!(settled("{\"codes\": [1]}").unwrap_err().path, ".codes[0]");
        assert_eq!(settled("code: 1").unwrap_err().path, ".code");
        let by_itself = WrittenConfig::read(b"codes: [NO, 1e3]").unwrap().settled(None);
        assert_eq!(by_itself.unwrap(), json!({"codes": ["NO", 1000.0]}));
    }

    #[test]
    fn what_reads_in_two_ways_or_not_at_all_is_refused() {
        for (text, word) in [
            (&b"{\"a\":1,\"a\":2}"[..], "\"a\" is there twice"),
            (b"a: 1\na: 2\n", "\"a\" is there twice"),
            (b"{\"a\":", "not JSON"),
            (b"{\"a\":18446744073709551616}", "lose digits"),
            (b"a: [", "not YAML"),
            (b"\xff", "not UTF-8"),
        ] {
            let refused = WrittenConfig::read(text).unwrap_err();
            assert!(refused.to_string().contains(word), "{refused}");
            assert_eq!(refused.path, "config");
        }
    }
}
