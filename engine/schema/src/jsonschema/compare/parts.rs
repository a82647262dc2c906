//! What a schema is made of: the schema behind a reference, and the schemas that it combines. Nothing is compared here.

use std::collections::HashSet;

use crate::bounds::MAX_DEPTH;
use crate::json::Json;
use crate::jsonschema::documents::{Documents, Located};

/// Keywords that only say something to people.
pub(super) const ANNOTATIONS: [&str; 19] = [
    "$id",
    "$schema",
    "$anchor",
    "$dynamicAnchor",
    "$comment",
    "$defs",
    "definitions",
    "$vocabulary",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// The schema behind its references, as far as nothing else stands beside them. A circle of nothing but references is the schema itself.
pub(super) fn resolved<'d>(documents: &Documents<'d>, mut located: Located<'d>) -> Located<'d> {
    for _ in 0..MAX_DEPTH {
        let is_alone = |json: &Json| {
            let mut keywords = json.members().iter().map(|(keyword, _)| keyword.as_str());
            keywords.all(|keyword| keyword == "$ref" || ANNOTATIONS.contains(&keyword))
        };
        let Some(target) = referred(documents, located).filter(|_| is_alone(located.json)) else {
            break;
        };
        located = target;
    }
    located
}

/// What `$ref` means.
pub(super) fn referred<'d>(documents: &Documents<'d>, located: Located<'d>) -> Option<Located<'d>> {
    let reference = located.json.get("$ref").and_then(Json::as_str)?;
    Some(documents.find(located.resource, reference)?.0)
}

pub(super) fn inner<'d>(documents: &Documents<'d>, outer: Located<'d>, json: &'d Json) -> Located<'d> {
    Located {
        json,
        resource: documents.resource_of(json, outer.resource),
    }
}

pub(super) fn members<'d>(located: Located<'d>, keyword: &str) -> &'d [(String, Json)] {
    located.json.get(keyword).map(Json::members).unwrap_or_default()
}

pub(super) fn takes_all(json: &Json, asserts_formats: bool) -> bool {
    let says_nothing =
        |keyword: &str| ANNOTATIONS.contains(&keyword) && (keyword != "format" || !asserts_formats);
    match json {
        Json::Bool(takes) => *takes,
        other => other.members().iter().all(|(keyword, _)| says_nothing(keyword)),
    }
}

/// The schemas that a schema combines, each once: the same one twice says nothing more.
pub(super) fn combination<'d>(
    documents: &Documents<'d>,
    located: Located<'d>,
    criterion: &str,
) -> Option<Vec<Located<'d>>> {
    let schemas = located.json.get(criterion)?.elements();
    let mut known = HashSet::new();
    let distinct = schemas
        .iter()
        .filter(|json| criterion == "oneOf" || known.insert(json.canonical()));
    Some(distinct.map(|json| inner(documents, located, json)).collect())
}

/// The schemas that all values of a schema match.
pub(super) fn needed<'d>(documents: &Documents<'d>, located: Located<'d>) -> Vec<Located<'d>> {
    let mut needed = combination(documents, located, "allOf").unwrap_or_default();
    needed.extend(referred(documents, located));
    needed
}

/// Lists of schemas of which each value of a schema matches one.
pub(super) fn choices<'d>(documents: &Documents<'d>, located: Located<'d>) -> Vec<Vec<Located<'d>>> {
    let choices = ["oneOf", "anyOf"].map(|criterion| combination(documents, located, criterion));
    choices
        .into_iter()
        .flatten()
        .filter(|list| !list.is_empty())
        .collect()
}
