//! Whether no value matches both of two schemas. Only what can be seen at once counts as proven.

use super::parts::{inner, members, referred, resolved};
use super::plain::{listed, number, types};
use crate::json::Json;
use crate::jsonschema::documents::{Documents, Located};

/// Levels of members that are looked into: what tells schemas apart stands near the top.
const MAX_LEVELS: usize = 4;

/// A schema with the documents that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Side<'s, 'd> {
    pub(super) documents: &'s Documents<'d>,
    pub(super) located: Located<'d>,
}

impl<'d> Side<'_, 'd> {
    fn at(self, json: &'d Json) -> Self {
        let located = inner(self.documents, self.located, json);
        Self { located, ..self }
    }

    fn json(self) -> &'d Json {
        self.located.json
    }
}

pub(super) fn is_disjoint(one: Side<'_, '_>, other: Side<'_, '_>) -> bool {
    is_disjoint_at(one, other, 0)
}

fn is_disjoint_at(one: Side<'_, '_>, other: Side<'_, '_>, level: usize) -> bool {
    let (one, other) = (behind(one), behind(other));
    let is_never = |side: Side<'_, '_>| *side.json() == Json::Bool(false);
    if level > MAX_LEVELS || is_never(one) || is_never(other) {
        return level <= MAX_LEVELS;
    }
    for (one, other) in [(one, other), (other, one)] {
        let needed = referred(one.documents, one.located).into_iter();
        let all = one.json().get("allOf").map(Json::elements).unwrap_or_default();
        let mut needed = needed
            .map(|located| Side { located, ..one })
            .chain(all.iter().map(|json| one.at(json)));
        if needed.any(|part| is_disjoint_at(part, other, level + 1)) {
            return true;
        }
    }
    let common = common_types(one.json(), other.json());
    if common.is_empty() || has_no_common_value(one.json(), other.json()) {
        return true;
    }
    let is_number = common.iter().all(|name| matches!(*name, "number" | "integer"));
    let is_object = common.iter().all(|name| *name == "object");
    (is_number && has_no_common_range(one.json(), other.json()))
        || (is_object
            && (differs_in_member(one, other, level) || lacks_member(one, other) || lacks_member(other, one)))
}

fn behind<'s, 'd>(side: Side<'s, 'd>) -> Side<'s, 'd> {
    let located = resolved(side.documents, side.located);
    Side { located, ..side }
}

const TYPES: [&str; 7] = [
    "null", "boolean", "object", "array", "number", "integer", "string",
];

/// The types that both let through, as far as they say it.
fn common_types(one: &Json, other: &Json) -> Vec<&'static str> {
    let lets = |json: &Json, name: &str| {
        let by_type = types(json)
            .is_none_or(|types| types.contains(name) || (name == "integer" && types.contains("number")));
        let is_of = |value: &Json| kind(value) == name || (name == "integer" && kind(value) == "number");
        let lists = |keyword: &str| listed(json, keyword).is_none_or(|values| values.iter().any(is_of));
        by_type && lists("enum") && lists("const")
    };
    let is_common = |name: &&str| lets(one, name) && lets(other, name);
    TYPES.into_iter().filter(is_common).collect()
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Object(_) => "object",
        Json::Array(_) => "array",
        Json::Number(_) => "number",
        Json::String(_) => "string",
    }
}

fn has_no_common_value(one: &Json, other: &Json) -> bool {
    let values = |json| listed(json, "const").or_else(|| listed(json, "enum"));
    let (Some(values), Some(others)) = (values(one), values(other)) else {
        return false;
    };
    !values
        .iter()
        .any(|value| others.iter().any(|other| other.equals(value)))
}

fn has_no_common_range(one: &Json, other: &Json) -> bool {
    let is_below = |one: &Json, other: &Json| {
        let ends = ["maximum", "exclusiveMaximum"].map(|keyword| number(one, keyword));
        let begins = ["minimum", "exclusiveMinimum"].map(|keyword| number(other, keyword));
        let strict = |end: usize, begin: usize| end == 1 || begin == 1;
        (0..2).any(|end| {
            (0..2).any(|begin| match (&ends[end], &begins[begin]) {
                (Some(last), Some(first)) => last < first || (strict(end, begin) && last == first),
                _ => false,
            })
        })
    };
    is_below(one, other) || is_below(other, one)
}

fn requires(json: &Json, name: &str) -> bool {
    let required = json.get("required").map(Json::elements).unwrap_or_default();
    required.iter().any(|one| one.as_str() == Some(name))
}

/// A member that one of them requires, and that no value suits for both.
fn differs_in_member(one: Side<'_, '_>, other: Side<'_, '_>, level: usize) -> bool {
    members(one.located, "properties").iter().any(|(name, schema)| {
        let same = other.json().get("properties").and_then(|named| named.get(name));
        let is_required = requires(one.json(), name) || requires(other.json(), name);
        is_required && same.is_some_and(|same| is_disjoint_at(one.at(schema), other.at(same), level + 1))
    })
}

/// A member that one requires and the other does not let through.
fn lacks_member(one: Side<'_, '_>, other: Side<'_, '_>) -> bool {
    let is_closed = other.json().get("additionalProperties") == Some(&Json::Bool(false))
        && other.json().get("patternProperties").is_none();
    let has = |name: &str| {
        members(other.located, "properties")
            .iter()
            .any(|(same, _)| same == name)
    };
    let required = one.json().get("required").map(Json::elements).unwrap_or_default();
    is_closed && required.iter().filter_map(Json::as_str).any(|name| !has(name))
}
