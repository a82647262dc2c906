//! What a schema says in other words: references within it.

use std::cell::Cell;

use serde_json::Value;

/// References that lead to references; more of them lead in a circle.
const MAX_REFERENCES: usize = 32;

/// Schemas that are looked at for one config. One that refers to itself twice would double them at each level.
const MAX_LOOKS: usize = 1_000_000;

/// How many schemas may still be looked at.
pub(super) struct Lookups(Cell<usize>);

impl Lookups {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_LOOKS))
    }

    /// Takes one; false if none is left.
    pub(super) fn take(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

/// The schema that a schema stands for, where it is a reference within the whole. What stands beside `$ref` is left
/// to [`beside`]. None for a reference that leads nowhere.
pub(super) fn target<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    let mut schema = schema;
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
            return Some(schema);
        };
        schema = root.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// The schema itself and the one that it refers to, if it does.
pub(super) fn beside<'s>(root: &'s Value, schema: &'s Value) -> impl Iterator<Item = &'s Value> {
    let is_reference = schema.get("$ref").is_some();
    let referred = is_reference.then(|| target(root, schema)).flatten();
    [Some(schema), referred].into_iter().flatten()
}

/// The schemas of a list under a keyword.
pub(super) fn each<'s>(schema: &'s Value, keyword: &str) -> impl Iterator<Item = &'s Value> {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The schemas of a member of an object.
pub(super) fn member<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let declared = schema
        .get("properties")
        .and_then(|properties| properties.get(name));
    declared.or_else(|| schema.get("additionalProperties"))
}

/// The schema of an element of an array.
pub(super) fn element(schema: &Value, index: usize) -> Option<&Value> {
    let first = schema.get("prefixItems").and_then(|items| items.get(index));
    first.or_else(|| schema.get("items"))
}
