//! Whether a text has lists only where its type takes lists. Serde reads a struct from a list by position, and what was
//! never named must not be taken: `["read", "lab"]` is no token.
//!
//! The schema of the type leads a walk through the text, which keeps nothing of it. Where a schema says nothing, there
//! is nothing to refuse.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// What is told of a list that stands at a wrong place.
pub const NO_LIST: &str = "a list stands where fields with values are expected, as in { field: value }";

/// The same where a text is expected.
const NO_LIST_BUT_TEXT: &str = "a list stands where a text is expected";

/// Schemas that lead through choices: deeper ones are taken for anything.
const MAX_CHOICES_DEEP: usize = 16;

/// What a type looks like, by its schema.
#[derive(Debug)]
pub struct Shape {
    root: Value,
}

impl Shape {
    /// The shape of a type.
    pub fn of<T: schemars::JsonSchema>() -> Self {
        Self {
            root: schemars::schema_for!(T).to_value(),
        }
    }

    /// Looks at a text. The error names the place.
    pub fn check<'de, D: Deserializer<'de>>(
        &self,
        text: D,
    ) -> Result<(), serde_path_to_error::Error<D::Error>> {
        let mut track = serde_path_to_error::Track::new();
        let text = serde_path_to_error::Deserializer::new(text, &mut track);
        let whole = Spot {
            shape: self,
            schemas: self.choices(&[&self.root]),
        };
        match whole.deserialize(text) {
            Ok(()) => Ok(()),
            Err(cause) => Err(serde_path_to_error::Error::new(track.path(), cause)),
        }
    }

    /// The schemas of which one describes the value; none where it may be anything.
    fn choices<'s>(&'s self, schemas: &[&'s Value]) -> Vec<&'s Map<String, Value>> {
        let mut found = Vec::new();
        for schema in schemas {
            if !self.collect(schema, &mut found, 0) {
                return Vec::new();
            }
        }
        found
    }

    fn collect<'s>(
        &'s self,
        schema: &'s Value,
        found: &mut Vec<&'s Map<String, Value>>,
        deep: usize,
    ) -> bool {
        let Some(fields) = schema.as_object().filter(|_| deep < MAX_CHOICES_DEEP) else {
            return false;
        };
        let mut parts: Vec<&Value> = Vec::new();
        if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
            let Some(target) = self.root.pointer(name.trim_start_matches('#')) else {
                return false;
            };
            parts.push(target);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            parts.extend(
                fields
                    .get(keyword)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            );
        }
        let says = ["type", "properties", "const", "enum"];
        if says.iter().any(|keyword| fields.contains_key(*keyword)) {
            found.push(fields);
        } else if parts.is_empty() {
            return false;
        }
        parts.into_iter().all(|part| self.collect(part, found, deep + 1))
    }
}

fn takes_lists(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        Some(kind) => kind == "array",
        None => !["properties", "const", "enum"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword)),
    }
}

/// Whether a type is text, which may be left out.
fn is_text(kind: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "string" || kind == "null"),
        kind => kind == "string",
    }
}

/// A place in the text.
struct Spot<'s> {
    shape: &'s Shape,
    /// None where anything may stand.
    schemas: Vec<&'s Map<String, Value>>,
}

impl<'s> Spot<'s> {
    fn below(&self, schemas: &[&'s Value]) -> Self {
        Self {
            shape: self.shape,
            schemas: if schemas.is_empty() {
                Vec::new()
            } else {
                self.shape.choices(schemas)
            },
        }
    }

    fn entry(&self, index: usize) -> Self {
        let of = |schema: &&'s Map<String, Value>| {
            let first = schema.get("prefixItems").and_then(|first| first.get(index));
            first.or_else(|| schema.get("items"))
        };
        let lists = self.schemas.iter().filter(|schema| takes_lists(schema));
        let schemas: Option<Vec<&Value>> = lists.map(of).collect();
        self.below(&schemas.unwrap_or_default())
    }

    fn field(&self, name: &str) -> Self {
        let of = |schema: &&'s Map<String, Value>| -> Vec<&'s Value> {
            if let Some(named) = schema.get("properties").and_then(|named| named.get(name)) {
                return vec![named];
            }
            // Keys with a form of their own stand there; whether this one has it is not asked here.
            let by_form = schema.get("patternProperties").and_then(Value::as_object);
            let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
            by_form.into_iter().flat_map(Map::values).chain(rest).collect()
        };
        let schemas: Vec<&Value> = self.schemas.iter().flat_map(of).collect();
        self.below(&schemas)
    }
}

impl<'de> DeserializeSeed<'de> for Spot<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        if self.schemas.is_empty() {
            return text.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Spot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        text.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if !self.schemas.iter().any(|schema| takes_lists(schema)) {
            let is_text = self
                .schemas
                .iter()
                .all(|schema| schema.get("type").is_some_and(is_text));
            return Err(A::Error::custom(if is_text { NO_LIST_BUT_TEXT } else { NO_LIST }));
        }
        let mut index = 0;
        while list.next_element_seed(self.entry(index))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            fields.next_value_seed(self.field(&name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }

    #[derive(Deserialize, schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Inner {
        size: u32,
    }

    #[derive(Deserialize, schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Outer {
        names: OneOrMore,
        inner: Option<Inner>,
        all: BTreeMap<String, Vec<Inner>>,
        any: Value,
    }

    fn look(text: &str) -> Result<(), (String, String)> {
        let mut json = serde_json::Deserializer::from_str(text);
        let looked = Shape::of::<Outer>().check(&mut json);
        looked.map_err(|cause| (cause.path().to_string(), cause.inner().to_string()))
    }

    #[test]
    fn a_list_where_a_text_is_expected_is_told_so() {
        let mut json = serde_json::Deserializer::from_str(r#"{"a":["x"]}"#);
        let looked = Shape::of::<BTreeMap<String, String>>().check(&mut json);
        let told = looked.unwrap_err().to_string();
        assert!(told.contains("a text is expected"), "{told}");
    }

    #[test]
    fn a_list_stands_only_where_the_type_takes_one() {
        for text in [
            r#"{"names":"a","inner":{"size":1},"all":{"x":[{"size":1}]},"any":[[1]]}"#,
            r#"{"names":["a"],"inner":null}"#,
            r#"{"unknown":[1]}"#,
            r#""a""#,
        ] {
            assert_eq!(look(text), Ok(()), "{text}");
        }
        for (text, place) in [
            ("[]", "."),
            (r#"["a",null,{},1]"#, "."),
            (r#"{"inner":[1]}"#, "inner"),
            (r#"{"all":{"x":[{"size":1},[1]]}}"#, "all.x[1]"),
        ] {
            let (path, why) = look(text).unwrap_err();
            assert_eq!(path, place, "{text}");
            assert!(why.starts_with(NO_LIST), "{why}");
        }
    }
}
