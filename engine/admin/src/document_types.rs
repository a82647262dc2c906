//! The schemas of all types that the description names. What is taken and what is given have a generator each: a
//! field with a default may be left out of a request, and is always in an answer.

use schemars::{
    JsonSchema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value};

use crate::plain_schemas::{plain, transforms};

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

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.trim_start_matches('#').trim_end_matches('/').into();
        settings.meta_schema = None;
        settings.contract = contract;
        settings.transforms.extend(transforms());
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
