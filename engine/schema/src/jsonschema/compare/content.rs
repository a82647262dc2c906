//! Which further members of an object, or elements of an array, a schema lets through.

use super::{inner, members, takes_all};
use crate::json::Json;
use crate::jsonschema::documents::{Documents, Located};
use crate::jsonschema::pattern;

/// Which further members or elements a schema lets through.
pub(super) enum Content<'d> {
    Open,
    Closed,
    Partial(Located<'d>),
}

/// What a schema lets through of a member that `properties` does not name.
pub(super) fn content_of_object<'d>(
    documents: &Documents<'d>,
    located: Located<'d>,
    name: &str,
) -> Content<'d> {
    let by_pattern = members(located, "patternProperties")
        .iter()
        .find(|(text, _)| pattern::compile(text).is_ok_and(|regex| regex.is_match(name)));
    if let Some((_, schema)) = by_pattern {
        return Content::Partial(inner(documents, located, schema));
    }
    content(documents, located, "additionalProperties")
}

pub(super) fn content_of_array<'d>(documents: &Documents<'d>, located: Located<'d>) -> Content<'d> {
    content(documents, located, "items")
}

fn content<'d>(documents: &Documents<'d>, located: Located<'d>, keyword: &str) -> Content<'d> {
    match located.json.get(keyword) {
        None => Content::Open,
        Some(Json::Bool(false)) => Content::Closed,
        Some(schema) if takes_all(schema) => Content::Open,
        Some(schema) => Content::Partial(inner(documents, located, schema)),
    }
}
