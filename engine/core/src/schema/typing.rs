//! The config of a YAML text, its scalars read as the schema types their places.
//!
//! A place may be typed by several schemas at once (`allOf`, `if`), and each of them may leave a choice (`anyOf`):
//! so a place has groups, all of which must be met, of alternatives, one of which is enough.

use std::{cell::LazyCell, ops::Deref};

use serde_json::{Map, Number, Value};

use super::{
    check::fits,
    kinds::Kinds,
    resolve::{Lookups, beside, each, element, member},
};
use crate::yaml::{Plain, Yaml, YamlScalar};

/// Alternatives, one of which a value must meet.
type Group<'s> = Vec<&'s Value>;

/// The config, by a whole schema.
pub(super) fn typed(root: &Value, config: &Yaml) -> Value {
    let looks = Lookups::new();
    Typist { root, looks }.node(config, vec![vec![root]])
}

struct Typist<'s> {
    root: &'s Value,
    looks: Lookups,
}

impl<'s> Typist<'s> {
    fn node(&self, node: &Yaml, groups: Vec<Group<'s>>) -> Value {
        let groups = self.spread(node, groups);
        match node {
            Yaml::Scalar(scalar) => read(scalar, kinds(&groups)),
            Yaml::List(list) => {
                let typed = list
                    .iter()
                    .enumerate()
                    .map(|(index, node)| self.node(node, children(&groups, |schema| element(schema, index))));
                typed.collect()
            }
            Yaml::Map(entries) => {
                let typed = entries.iter().map(|(name, node)| {
                    let typed = self.node(node, children(&groups, |schema| member(schema, name)));
                    (name.clone(), typed)
                });
                Value::Object(typed.collect())
            }
        }
    }

    /// The groups with all that they refer to or are made of.
    fn spread(&self, node: &Yaml, groups: Vec<Group<'s>>) -> Vec<Group<'s>> {
        let mut found = Vec::new();
        // Only conditions ask for it, and the node may be large.
        let node = &LazyCell::new(|| by_itself(node));
        for group in groups {
            match &*group {
                [only] => self.spread_one(node, only, &mut Vec::new(), &mut found),
                several => {
                    let mut all = Vec::new();
                    for schema in several {
                        self.spread_one(node, schema, &mut Vec::new(), &mut all);
                    }
                    found.push(all.into_iter().flatten().collect());
                }
            }
        }
        found
    }

    /// One that was looked at for this node already, in `seen`, adds nothing: so a circle ends.
    fn spread_one(
        &self,
        node: &impl Deref<Target = Value>,
        schema: &'s Value,
        seen: &mut Vec<&'s Value>,
        found: &mut Vec<Group<'s>>,
    ) {
        for schema in beside(self.root, schema) {
            if !self.looks.take() || seen.iter().any(|known| std::ptr::eq(*known, schema)) {
                return;
            }
            seen.push(schema);
            found.push(vec![schema]);
            for part in each(schema, "allOf") {
                self.spread_one(node, part, seen, found);
            }
            for keyword in ["anyOf", "oneOf"] {
                let mut forms = Vec::new();
                for form in each(schema, keyword) {
                    self.spread_one(node, form, seen, &mut forms);
                }
                if !forms.is_empty() {
                    found.push(forms.into_iter().flatten().collect());
                }
            }
            if let Some(condition) = schema.get("if") {
                let holds = fits(self.root, condition, node, &self.looks);
                if let Some(branch) = schema.get(if holds { "then" } else { "else" }) {
                    self.spread_one(node, branch, seen, found);
                }
            }
        }
    }
}

/// The schemas of a child, in the groups of those that say something of it.
fn children<'s>(groups: &[Group<'s>], child: impl Fn(&'s Value) -> Option<&'s Value>) -> Vec<Group<'s>> {
    let groups = groups
        .iter()
        .map(|group| group.iter().copied().filter_map(&child).collect());
    groups.filter(|group: &Group<'_>| !group.is_empty()).collect()
}

/// The types that all groups leave.
fn kinds(groups: &[Group<'_>]) -> Kinds {
    let of_group = |group: &Group<'_>| {
        let kinds = group.iter().map(|schema| of_schema(schema));
        kinds.fold(Kinds::NONE, Kinds::or)
    };
    groups.iter().map(of_group).fold(Kinds::ALL, Kinds::and)
}

/// The types that a schema itself leaves; what it is made of is in groups of its own.
fn of_schema(schema: &Value) -> Kinds {
    let said = schema.get("type").map_or(Kinds::ALL, Kinds::of_keyword);
    let constant = schema.get("const").map(std::slice::from_ref);
    let values = constant.or_else(|| schema.get("enum").and_then(Value::as_array).map(Vec::as_slice));
    let listed = values.map(|values| values.iter().map(Kinds::of).fold(Kinds::NONE, Kinds::or));
    said.and(listed.unwrap_or(Kinds::ALL))
}

/// A scalar at a place that takes these types.
fn read(scalar: &YamlScalar, kinds: Kinds) -> Value {
    let itself = scalar_by_itself(scalar);
    if itself.is_null() || kinds.meet(Kinds::of(&itself)) {
        return itself;
    }
    if kinds.meet(Kinds::STRING) {
        return Value::String(scalar.text.clone());
    }
    let is_number = kinds.meet(Kinds::INTEGER.or(Kinds::FRACTION));
    let number = is_number.then(|| leading_zeros(scalar)).flatten();
    number.unwrap_or(itself)
}

/// Digits that are text only for their leading zero.
fn leading_zeros(scalar: &YamlScalar) -> Option<Value> {
    let digits = scalar.text.trim_start_matches('0');
    let is_digits = !scalar.text.is_empty() && scalar.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits.is_empty() {
        0
    } else {
        digits.parse::<u64>().ok()?
    };
    (scalar.is_plain && is_digits).then(|| number.into())
}

fn scalar_by_itself(scalar: &YamlScalar) -> Value {
    match scalar.resolve() {
        Plain::Null => Value::Null,
        Plain::Bool(truth) => Value::Bool(truth),
        Plain::Integer(number) => whole(number),
        Plain::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Plain::Text => Value::String(scalar.text.clone()),
    }
}

fn whole(number: i128) -> Value {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => (number as f64).into(),
    }
}

/// A node as it is where its place says nothing.
fn by_itself(node: &Yaml) -> Value {
    match node {
        Yaml::Scalar(scalar) => scalar_by_itself(scalar),
        Yaml::List(list) => list.iter().map(by_itself).collect(),
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|(name, node)| (name.clone(), by_itself(node)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::parse;

    fn read_by(schema: &Value, config: &str) -> Value {
        typed(schema, &parse(config).unwrap())
    }

    #[test]
    fn scalars_are_what_their_places_say() {
        let schema = json!({
            "properties": {
                "text": { "type": "string" },
                "maybe": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "either": { "type": ["string", "integer"] },
                "texts": { "type": "array", "items": { "type": "string" } },
                "number": { "type": "number" },
                "choice": { "enum": ["on", "off", "1e3"] },
                "by-name": { "additionalProperties": { "type": "string" } },
                "nested": { "$ref": "#/$defs/Nested" }
            },
            "$defs": { "Nested": { "allOf": [{ "properties": { "code": { "$ref": "#/$defs/Code" } } }] },
                       "Code": { "type": "string" } }
        });
        for (config, value) in [
            ("{text: 1e3}", json!({"text": "1e3"})),
            ("{text: true}", json!({"text": "true"})),
            (
                "{text: 18446744073709551617}",
                json!({"text": "18446744073709551617"}),
            ),
            ("{text: ~}", json!({"text": null})),
            ("{maybe: 5}", json!({"maybe": "5"})),
            ("{maybe: ~}", json!({"maybe": null})),
            ("{either: 5}", json!({"either": 5})),
            ("{either: 5.5}", json!({"either": "5.5"})),
            (
                "{texts: [SE, NO, 08001, 1, 1.50]}",
                json!({"texts": ["SE", "NO", "08001", "1", "1.50"]}),
            ),
            ("{number: 007}", json!({"number": 7})),
            ("{number: '7'}", json!({"number": "7"})),
            ("{choice: 1e3}", json!({"choice": "1e3"})),
            (
                "{by-name: {a: 1, NO: no}}",
                json!({"by-name": {"a": "1", "NO": "no"}}),
            ),
            (
                "{nested: {code: 0x10, other: 0x10}}",
                json!({"nested": {"code": "0x10", "other": 16}}),
            ),
            (
                "{other: [NO, 1e3, 08001, true]}",
                json!({"other": ["NO", 1000.0, "08001", true]}),
            ),
        ] {
            assert_eq!(read_by(&schema, config), value, "{config}");
        }
    }

    #[test]
    fn a_field_beside_may_decide_what_a_place_is() {
        let schema = json!({
            "properties": { "type": { "type": "string" }, "one-of": { "type": "array", "items": {} } },
            "allOf": [{
                "if": { "properties": { "type": { "const": "text" } }, "required": ["type"] },
                "then": { "properties": { "one-of": { "items": { "type": "string" } } } }
            }]
        });
        assert_eq!(
            read_by(&schema, "{type: text, one-of: [1e3, 5, true]}"),
            json!({"type": "text", "one-of": ["1e3", "5", "true"]})
        );
        assert_eq!(
            read_by(&schema, "{type: number, one-of: [1e3, 5]}"),
            json!({"type": "number", "one-of": [1000.0, 5]})
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends_with_the_config() {
        let schema = json!({
            "properties": { "fields": { "additionalProperties": { "$ref": "#" } }, "name": { "type": "string" } },
            "allOf": [{ "$ref": "#" }, { "$ref": "#" }]
        });
        assert_eq!(
            read_by(&schema, "{fields: {a: {name: 1, fields: {b: {name: 2}}}}}"),
            json!({"fields": {"a": {"name": "1", "fields": {"b": {"name": "2"}}}}})
        );
    }
}
