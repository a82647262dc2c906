//! Reading a step's config: JSON text into the plugin's config type, with the path of the field in
//! the error, because whoever wrote the pipeline sees nothing else.

use serde::de::DeserializeOwned;

/// Reads the config of a step. A step without a config has `null`, `{}` or nothing, depending on who
/// wrote it down; all three suit a type that takes any of them.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    match text.trim() {
        "" | "null" | "{}" => read("{}").or_else(|error| read("null").map_err(|_| error)),
        text => read(text),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let config = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." | "?" => "config".to_owned(),
            path => format!("config.{path}"),
        };
        format!("{path}: {}", without_position(&error.into_inner().to_string()))
    })?;
    json.end().map_err(|error| format!("config: {error}"))?;
    Ok(config)
}

/// The text of a config is written by the engine, from YAML or JSON: line and column mean nothing to
/// its author.
fn without_position(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::parse;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Weights {
        #[serde(default)]
        parts: BTreeMap<String, Vec<f32>>,
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let error = parse::<Weights>(r#"{"parts": {"fresh": [1, "two"]}}"#).unwrap_err();
        assert_eq!(
            error,
            "config.parts.fresh[1]: invalid type: string \"two\", expected f32"
        );
    }

    #[test]
    fn an_unknown_field_is_named_with_what_would_be_right() {
        let error = parse::<Weights>(r#"{"part": {}}"#).unwrap_err();
        assert!(
            error.contains("unknown field `part`, expected `parts`"),
            "{error}"
        );
    }

    #[test]
    fn no_config_suits_a_unit_and_a_struct_of_defaults() {
        for text in ["", "null", "{}", " {} "] {
            parse::<()>(text).unwrap();
            assert!(parse::<Weights>(text).unwrap().parts.is_empty());
        }
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        assert!(parse::<Weights>("{").unwrap_err().starts_with("config: "));
        assert!(parse::<Weights>("{} {}").unwrap_err().starts_with("config: "));
    }
}
