//! The schemas of all types that the description names. What is taken and what is given have a generator each: a
//! field with a default may be left out of a request, and is always in an answer.

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
    transform::{RecursiveTransform, ReplaceBoolSchemas, Transform as _},
};
use serde_json::{Map, Value, json};

/// Where the description keeps its types.
const PLACE: &str = "#/components/schemas/";
/// Ends the name of a type that looks otherwise in requests than in answers.
const TAKEN: &str = "Input";

/// The types that are described so far.
pub(crate) struct DocumentTypes {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

/// The schemas of all types, and which names have changed in requests.
pub(crate) struct Components {
    pub(crate) schemas: Map<String, Value>,
    renamed: Vec<String>,
}

impl DocumentTypes {
    pub(crate) fn new() -> Self {
        Self {
            taken: generator(Contract::Deserialize),
            given: generator(Contract::Serialize),
        }
    }

    /// A type as it is taken.
    pub(crate) fn taken<T: JsonSchema>(&mut self) -> Value {
        plain(self.taken.subschema_for::<T>())
    }

    /// A type as it is taken, spelt out.
    pub(crate) fn taken_inline<T: JsonSchema>(&mut self) -> Value {
        plain(T::json_schema(&mut self.taken))
    }

    /// A type as it is given.
    pub(crate) fn given<T: JsonSchema>(&mut self) -> Value {
        plain(self.given.subschema_for::<T>())
    }

    /// The schemas of all of them.
    pub(crate) fn components(mut self) -> Components {
        let mut schemas = self.given.take_definitions(true);
        let taken = self.taken.take_definitions(true);
        let differs = |name: &String| {
            schemas
                .get(name)
                .is_some_and(|given| Some(given) != taken.get(name))
        };
        let mut renamed: Vec<String> = taken.keys().filter(|name| differs(name)).cloned().collect();
        // What names something that is renamed differs as well.
        loop {
            let names_one = |value: &Value| refers(value, &renamed);
            let further: Vec<String> = taken
                .iter()
                .filter(|(name, value)| {
                    !renamed.contains(name) && names_one(value) && schemas.contains_key(*name)
                })
                .map(|(name, _)| name.clone())
                .collect();
            if further.is_empty() {
                break;
            }
            renamed.extend(further);
        }
        for (name, mut value) in taken {
            rename(&mut value, &renamed);
            let name = if renamed.contains(&name) {
                name + TAKEN
            } else {
                name
            };
            schemas.insert(name, value);
        }
        Components { schemas, renamed }
    }
}

impl Components {
    /// The schema itself, where this one is a reference to a type.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|place| place.strip_prefix(PLACE));
        name.and_then(|name| self.schemas.get(name)).unwrap_or(schema)
    }

    /// What is taken, with the names that it has here.
    pub(crate) fn settle(&self, mut taken: Value) -> Value {
        rename(&mut taken, &self.renamed);
        taken
    }
}

/// Generators of clients know a schema as an object only; `true` is written as `{}`.
fn as_objects() -> ReplaceBoolSchemas {
    let mut transform = ReplaceBoolSchemas::default();
    transform.skip_additional_properties = true;
    transform
}

fn plain(mut schema: Schema) -> Value {
    as_objects().transform(&mut schema);
    RecursiveTransform(simplify).transform(&mut schema);
    schema.to_value()
}

/// Writes what a schema says as generators of clients know it.
fn simplify(schema: &mut Schema) {
    as_enum(schema);
    as_map(schema);
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

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.trim_start_matches('#').trim_end_matches('/').into();
        settings.meta_schema = None;
        settings.contract = contract;
        settings.transforms.push(Box::new(as_objects()));
        settings.transforms.push(Box::new(RecursiveTransform(simplify)));
    });
    settings.into_generator()
}

/// The type that a member of a schema refers to.
fn referred<'a>(key: &str, value: &'a Value) -> Option<&'a str> {
    (key == "$ref")
        .then(|| value.as_str()?.strip_prefix(PLACE))
        .flatten()
}

fn refers(value: &Value, names: &[String]) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| {
            referred(key, value).is_some_and(|name| names.iter().any(|it| it == name)) || refers(value, names)
        }),
        Value::Array(items) => items.iter().any(|item| refers(item, names)),
        _ => false,
    }
}

fn rename(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match referred(key, value) {
                    Some(name) if names.iter().any(|it| it == name) => {
                        *value = Value::String(format!("{PLACE}{name}{TAKEN}"));
                    }
                    _ => rename(value, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Same {
        number: u64,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Differs {
        #[serde(default)]
        number: u64,
        same: Same,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Around {
        inner: Differs,
    }

    #[test]
    fn an_object_with_names_of_one_pattern_is_a_map() {
        let mut types = DocumentTypes::new();
        let map = types.taken::<std::collections::BTreeMap<tailrace_core::name::Name, u8>>();
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
        let mut types = DocumentTypes::new();
        types.given::<Way>();
        let way = &types.components().schemas["Way"];
        assert_eq!(way["enum"].as_array().map(Vec::len), Some(2), "{way}");
        assert_eq!(way["description"], "Which way.\n\n- `up`: To the north.", "{way}");
    }

    #[test]
    fn a_type_that_is_taken_otherwise_than_given_has_two_names() {
        let mut types = DocumentTypes::new();
        let taken = types.taken::<Around>();
        let given = types.given::<Around>();
        let components = types.components();
        let names: Vec<&String> = components.schemas.keys().collect();
        assert_eq!(names.len(), 5, "{names:?}");
        let inner = |name: &str| components.schemas[name]["properties"]["inner"]["$ref"].clone();
        assert_eq!(given["$ref"], "#/components/schemas/Around");
        assert_eq!(
            components.settle(taken)["$ref"],
            "#/components/schemas/AroundInput"
        );
        assert_eq!(inner("Around"), "#/components/schemas/Differs");
        assert_eq!(inner("AroundInput"), "#/components/schemas/DiffersInput");
        let needed = |name: &str| {
            components.schemas[name]["required"]
                .as_array()
                .map_or(0, Vec::len)
        };
        assert_eq!((needed("Differs"), needed("DiffersInput")), (2, 1));
    }
}
