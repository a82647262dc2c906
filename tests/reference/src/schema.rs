//! Fields, types and choices from a JSON Schema that `schemars` made of our structs.
//!
//! Their doc comments are the descriptions of the schema, so a page says what the structs say.

use serde_json::{Map, Value};

use crate::{anchor, cell, sentence};

/// A schema with its definitions.
#[derive(Debug)]
pub struct Schema {
    root: Value,
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// As it is written in a file.
    pub name: String,
    /// Its type, for people.
    pub kind: String,
    /// Whether it must be there.
    pub is_required: bool,
    /// Its value where it is left out, if it has one.
    pub default: Option<Value>,
    /// Its doc comment.
    pub doc: String,
    /// The definition that it holds, alone or in a list or map; none where it holds a plain value.
    pub target: Option<String>,
    /// How it holds that.
    pub holds: Holds,
}

/// How a field holds a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// One.
    One,
    /// A list of them.
    List,
    /// A map from names to them.
    Map,
}

/// One of several values that a definition allows.
#[derive(Debug)]
pub struct Choice {
    /// As it is written in a file.
    pub text: String,
    /// Its doc comment.
    pub doc: String,
}

impl Schema {
    /// Of a schema as `schemars` gives it.
    pub fn new(root: Value) -> Self {
        Self { root }
    }

    /// The object at the root.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// A definition by its name.
    pub fn definition(&self, name: &str) -> &Value {
        &self.root["$defs"][name]
    }

    /// Names of all definitions that deserve a section, in the order in which the root reaches them.
    pub fn reachable(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut waiting: Vec<&Value> = vec![&self.root];
        while let Some(object) = waiting.pop() {
            let choices = object["oneOf"].as_array().into_iter().flatten();
            let fields = std::iter::once(object).chain(choices).flat_map(fields);
            for name in fields.filter_map(|field| field.target) {
                if !found.contains(&name) && is_section(self.definition(&name)) {
                    waiting.insert(0, self.definition(&name));
                    found.push(name);
                }
            }
        }
        found
    }
}

/// Whether a definition has fields or choices, so that it needs a section.
fn is_section(definition: &Value) -> bool {
    definition["properties"].is_object() || !choices(definition).is_empty()
}

/// The fields of an object: those that must be there come first.
pub fn fields(object: &Value) -> Vec<Field> {
    let none = Map::new();
    let properties = object["properties"].as_object().unwrap_or(&none);
    let required: Vec<&str> = strings(&object["required"]);
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, schema)| {
            let (kind, target, holds) = kind(schema);
            Field {
                name: name.clone(),
                kind,
                is_required: required.contains(&name.as_str()),
                default: schema.get("default").cloned(),
                doc: doc(schema),
                target,
                holds,
            }
        })
        .collect();
    fields.sort_by_key(|field| !field.is_required);
    fields
}

/// The choices of a definition that is one of several; none for an object.
pub fn choices(definition: &Value) -> Vec<Choice> {
    let alternatives = definition["oneOf"].as_array();
    let alternatives = alternatives.map_or(&[][..], Vec::as_slice);
    alternatives
        .iter()
        .flat_map(|choice| {
            if let Some(value) = choice["const"].as_str() {
                return vec![(format!("`{value}`"), doc(choice))];
            }
            if choice["enum"].is_array() {
                let values = strings(&choice["enum"]).into_iter();
                return values
                    .map(|value| (format!("`{value}`"), String::new()))
                    .collect();
            }
            let fields = fields(choice);
            let field = |field: &Field| (format!("`{}:` {}", field.name, field.kind), doc(choice));
            fields.iter().map(field).collect()
        })
        .map(|(text, doc)| Choice { text, doc })
        .collect()
}

/// The doc comment of a schema.
pub fn doc(schema: &Value) -> String {
    sentence(schema["description"].as_str().unwrap_or_default())
}

/// A type for people, the definition behind it, and how it is held.
fn kind(schema: &Value) -> (String, Option<String>, Holds) {
    if let Some(alternatives) = schema["anyOf"].as_array() {
        // A field that may be left out is its type or null.
        return kind(&alternatives[0]);
    }
    if let Some(name) = reference(schema) {
        return match name {
            "Name" => ("name".to_owned(), None, Holds::One),
            "Duration" | "Delay" | "Lag" | "IdleAfter" => ("duration".to_owned(), None, Holds::One),
            "Ahead" => ("duration, or `any`".to_owned(), None, Holds::One),
            "Bytes" => ("size".to_owned(), None, Holds::One),
            "PluginRef" => ("plugin version".to_owned(), None, Holds::One),
            _ => (link(name), Some(name.to_owned()), Holds::One),
        };
    }
    if schema["items"].is_object() {
        let (of, target, _) = kind(&schema["items"]);
        return (format!("list of {of}"), target, Holds::List);
    }
    let patterns = schema["patternProperties"].as_object();
    if let Some(of) = patterns.and_then(|patterns| patterns.values().next()) {
        let (of, target, _) = kind(of);
        return (format!("map from name to {of}"), target, Holds::Map);
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        several => strings(several),
    };
    let plain = match types.first() {
        Some(&"integer") => "whole number",
        Some(&"number") => "number",
        Some(&"boolean") => "true or false",
        Some(&"string") => "text",
        _ => "any value",
    };
    (plain.to_owned(), None, Holds::One)
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The heading of a definition: `StepManifest` is a step, `ErrorPolicy` an error policy.
pub fn heading(definition: &str) -> String {
    let stem = definition.trim_end_matches("Spec").trim_end_matches("Manifest");
    // A pipeline's rate limits hold rates, so the two must not have the same heading.
    if stem == "Rate" && stem != definition {
        return "rate limits".to_owned();
    }
    let mut words = String::new();
    for letter in stem.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn link(definition: &str) -> String {
    let heading = heading(definition);
    format!("[{heading}](#{})", anchor(&heading))
}

/// A default as it is written in a file.
pub fn written(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Object(_) => "its defaults".to_owned(),
        Value::Null => "none".to_owned(),
        other => format!("`{other}`"),
    }
}

impl Field {
    /// The default as a cell of a table.
    pub fn default_cell(&self) -> String {
        match &self.default {
            _ if self.is_required => "required".to_owned(),
            Some(value) => cell(&written(value)),
            None => "none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_knows_type_default_and_definition() {
        let object = json!({
            "properties": {
                "steps": { "type": "array", "items": { "$ref": "#/$defs/StepSpec" } },
                "age": { "anyOf": [{ "$ref": "#/$defs/Duration" }, { "type": "null" }], "default": "1m" }
            },
            "required": ["steps"]
        });
        let fields = fields(&object);
        assert_eq!(
            (fields[0].name.as_str(), fields[0].kind.as_str()),
            ("steps", "list of [step](#step)")
        );
        assert_eq!(
            (fields[0].holds, fields[0].target.as_deref()),
            (Holds::List, Some("StepSpec"))
        );
        assert_eq!(
            (fields[1].kind.as_str(), fields[1].default_cell().as_str()),
            ("duration", "`1m`")
        );
    }

    #[test]
    fn choices_are_constants_and_single_fields() {
        let start = json!({ "oneOf": [
            { "const": "all", "description": "From the oldest" },
            { "properties": { "sequence": { "type": "integer" } }, "required": ["sequence"] }
        ] });
        let choices = choices(&start);
        assert_eq!(
            (choices[0].text.as_str(), choices[0].doc.as_str()),
            ("`all`", "From the oldest.")
        );
        assert_eq!(choices[1].text, "`sequence:` whole number");
    }
}
