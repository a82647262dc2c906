//! Which further members of an object, or elements of an array, a schema lets through.

use super::parts::{inner, members, takes_all};
use super::unevaluated::EVALUATING;
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
    rest_of_object(documents, located)
}

/// What a schema lets through of a member that neither a name nor a pattern meets.
pub(super) fn rest_of_object<'d>(documents: &Documents<'d>, located: Located<'d>) -> Content<'d> {
    content(
        documents,
        located,
        ["additionalProperties", "unevaluatedProperties"],
    )
}

pub(super) fn content_of_array<'d>(documents: &Documents<'d>, located: Located<'d>) -> Content<'d> {
    content(documents, located, ["items", "unevaluatedItems"])
}

/// `unevaluated…` says the same where no other schema at this place evaluates anything.
fn content<'d>(documents: &Documents<'d>, located: Located<'d>, keywords: [&str; 2]) -> Content<'d> {
    let [rest, unevaluated] = keywords;
    let last = || {
        let schema = located.json.get(unevaluated)?;
        let is_alone = !EVALUATING
            .iter()
            .any(|keyword| located.json.get(keyword).is_some());
        is_alone.then_some(schema)
    };
    match located.json.get(rest).or_else(last) {
        None => Content::Open,
        Some(Json::Bool(false)) => Content::Closed,
        Some(schema) if takes_all(schema, false) => Content::Open,
        Some(schema) => Content::Partial(inner(documents, located, schema)),
    }
}
