//! The JSON Schema of a plugin's config, out of a custom section: of the component, or of a core module in it, where
//! the SDK puts it. Nothing of the plugin runs for it.

use tailrace_core::{
    ports::plugins::PluginError,
    schema::{ConfigSchema, SECTION},
};
use wasmparser::{Parser, Payload};

use crate::invalid::invalid;

/// The schema that a component bears; the first, should there be several.
pub(crate) fn read(component: &[u8]) -> Result<Option<ConfigSchema>, PluginError> {
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(|cause| invalid(&cause.to_string()))?;
        if let Payload::CustomSection(section) = payload
            && section.name() == SECTION
        {
            let schema = ConfigSchema::parse(section.data());
            let wrong = |why| PluginError::Invalid(format!("the config schema in section {SECTION}: {why}"));
            return schema.map(Some).map_err(wrong);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component around a core module, each with a custom section.
    fn component(outer: Option<&str>, inner: Option<&str>) -> Vec<u8> {
        let section = |text: &str| {
            let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
            format!("(@custom \"{SECTION}\" \"{escaped}\")")
        };
        let (outer, inner) = (outer.map(section), inner.map(section));
        let text = format!(
            "(component {} (core module {}))",
            outer.unwrap_or_default(),
            inner.unwrap_or_default()
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn the_schema_is_found_wherever_it_is() {
        let schema =
            |component: &[u8]| read(component).map(|found| found.map(|schema| schema.as_json().to_string()));
        let text = r#"{"type":"object"}"#;
        assert_eq!(schema(&component(None, None)).unwrap(), None);
        assert_eq!(
            schema(&component(Some(text), None)).unwrap().as_deref(),
            Some(text)
        );
        assert_eq!(
            schema(&component(None, Some(text))).unwrap().as_deref(),
            Some(text)
        );
    }

    #[test]
    fn a_schema_that_is_none_refuses_the_plugin() {
        let large = format!("{{\"title\":\"{}\"}}", "x".repeat(40_000));
        for (text, word) in [("{", "no JSON"), ("[]", "no JSON object"), (&large, "bytes")] {
            let refused = read(&component(Some(text), None)).unwrap_err().to_string();
            assert!(refused.contains(word) && refused.contains(SECTION), "{refused}");
        }
    }
}
