//! Schemas as generators of clients know them. `schemars` writes what JSON Schema can say, and several generators
//! misread a part of that; the same is said here in plainer words.

use std::collections::BTreeMap;

use schemars::{
    Schema,
    generate::GenTransform,
    transform::{RecursiveTransform, ReplaceBoolSchemas},
};
use serde_json::{Map, Value, json};

/// Generators of clients know a schema as an object only; `true` is written as `{}`.
fn as_objects() -> ReplaceBoolSchemas {
    let mut transform = ReplaceBoolSchemas::default();
    transform.skip_additional_properties = true;
    transform
}

/// What makes schemas plain, in this order.
pub(crate) fn transforms() -> [Box<dyn GenTransform>; 2] {
    [Box::new(as_objects()), Box::new(RecursiveTransform(simplify))]
}

/// A schema made plain.
pub(crate) fn plain(mut schema: Schema) -> Value {
    for mut transform in transforms() {
        transform.transform(&mut schema);
    }
    schema.to_value()
}

/// Writes what a schema says as generators of clients know it.
fn simplify(schema: &mut Schema) {
    as_enum(schema);
    as_map(schema);
    as_one_object(schema);
}

/// A choice that stands beside members of the same object becomes members of it, which are there or not. Generators
/// would make a class of each choice, without the members beside it.
fn as_one_object(schema: &mut Schema) {
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    let Some(choices) = choices.and_then(Value::as_array).cloned() else {
        return;
    };
    let is_plain = |choice: &Value| choice["type"] == "object" && choice.get("$ref").is_none();
    if schema.get("properties").is_none() || !choices.iter().all(is_plain) {
        return;
    }
    let mut members: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for choice in &choices {
        for (name, member) in choice["properties"].as_object().into_iter().flatten() {
            let mut member = member.clone();
            // What a choice means is said of the member that tells which it is.
            if member.get("const").is_some() && member.get("description").is_none() {
                member["description"] = choice["description"].clone();
            }
            members.entry(name.clone()).or_default().push(member);
        }
    }
    let always = |name: &&String| {
        let needs = |choice: &Value| {
            let needed = choice["required"].as_array();
            needed.is_some_and(|needed| needed.iter().any(|it| it == name.as_str()))
        };
        choices.iter().all(needs)
    };
    let needed: Vec<Value> = members.keys().filter(always).cloned().map(Value::from).collect();
    schema.remove("oneOf");
    schema.remove("anyOf");
    if let Some(required) = schema
        .ensure_object()
        .entry("required")
        .or_insert_with(|| json!([]))
        .as_array_mut()
    {
        required.extend(needed);
    }
    if let Some(own) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, alternatives) in members {
            own.entry(name).or_insert_with(|| joined(alternatives));
        }
    }
}

/// What is one of these.
fn joined(alternatives: Vec<Value>) -> Value {
    if alternatives.iter().all(|one| one["const"].is_string()) {
        return json!({ "oneOf": alternatives });
    }
    // The same in each choice, whatever each says of it.
    let mut bare: Vec<Value> = Vec::new();
    for mut one in alternatives {
        one.as_object_mut().map(|one| one.remove("description"));
        if !bare.contains(&one) {
            bare.push(one);
        }
    }
    let is_anything = |one: &Value| one.is_boolean() || one.as_object().is_some_and(Map::is_empty);
    match &bare[..] {
        [only] => only.clone(),
        several if several.iter().any(is_anything) => json!({}),
        several => json!({ "anyOf": several }),
    }
}

/// An object whose names all fit one pattern is a map.
fn as_map(schema: &mut Schema) {
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let only = patterns.filter(|patterns| patterns.len() == 1);
    let Some((pattern, value)) = only.and_then(|only| only.iter().next()) else {
        return;
    };
    let (pattern, value) = (pattern.clone(), value.clone());
    if !is_closed || schema.get("properties").is_some() {
        return;
    }
    schema.remove("patternProperties");
    schema.insert("propertyNames".to_owned(), json!({ "pattern": pattern }));
    schema.insert("additionalProperties".to_owned(), value);
}

/// A choice of texts becomes an `enum`, which every generator knows. What each means goes into the description.
fn as_enum(schema: &mut Schema) {
    let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let (mut texts, mut said) = (Vec::new(), Vec::new());
    for choice in choices {
        let several = choice.get("enum").and_then(Value::as_array);
        match (choice["type"].as_str(), choice["const"].as_str(), several) {
            (Some("string"), Some(text), None) => {
                texts.push(Value::from(text));
                let meaning = choice["description"].as_str();
                said.extend(meaning.map(|meaning| format!("- `{text}`: {meaning}")));
            }
            (Some("string"), None, Some(several)) => texts.extend(several.iter().cloned()),
            _ => return,
        }
    }
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), texts.into());
    let about = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !said.is_empty() {
        let about = format!("{about}\n\n{}", said.join("\n")).trim().to_owned();
        schema.insert("description".to_owned(), about.into());
    }
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, generate::SchemaSettings};
    use serde::Serialize;
    use tailrace_core::name::Name;

    use super::*;

    fn given<T: JsonSchema>() -> Value {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        plain(settings.into_generator().into_root_schema_for::<T>())
    }

    #[test]
    fn a_choice_beside_members_is_members_that_may_be_missing() {
        #[derive(Serialize, JsonSchema)]
        #[serde(tag = "state", rename_all = "kebab-case")]
        #[allow(dead_code, reason = "only its schema is looked at")]
        enum State {
            /// It runs.
            Running,
            Paused {
                reason: String,
            },
        }
        #[derive(Serialize, JsonSchema)]
        struct Shown {
            name: String,
            #[serde(flatten)]
            state: State,
        }
        let shown = given::<Shown>();
        assert_eq!(shown["required"], json!(["name", "state"]), "{shown}");
        assert_eq!(
            shown["properties"]["state"]["enum"],
            json!(["running", "paused"]),
            "{shown}"
        );
        assert_eq!(shown["properties"]["reason"]["type"], "string", "{shown}");
    }

    #[test]
    fn an_object_with_names_of_one_pattern_is_a_map() {
        let map = given::<BTreeMap<Name, u8>>();
        assert!(map["propertyNames"]["pattern"].is_string(), "{map}");
        assert_eq!(map["additionalProperties"]["type"], "integer", "{map}");
    }

    #[test]
    fn a_choice_of_texts_is_an_enum_that_says_what_each_means() {
        #[derive(Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        #[allow(dead_code, reason = "only its schema is looked at")]
        /// Which way.
        enum Way {
            /// To the north.
            Up,
            Down,
        }
        let way = given::<Way>();
        assert_eq!(way["enum"].as_array().map(Vec::len), Some(2), "{way}");
        assert_eq!(way["description"], "Which way.\n\n- `up`: To the north.", "{way}");
    }
}
