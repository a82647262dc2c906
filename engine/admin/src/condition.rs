//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1): the tag of a resource is the
//! revision of its entry in the registry.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderName, HeaderValue,
        header::{ETAG, IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
};
use tailrace_control::command::condition::Condition;
use tailrace_core::codes::ApiCode;

use crate::{
    ApiState,
    described::{Spoken, Takes},
    document_types::DocumentTypes,
    problem::Problem,
};

/// What the client expects to find.
pub(crate) struct Expected(pub(crate) Condition);

impl FromRequestParts<ApiState> for Expected {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let matches = parts.headers.get(IF_MATCH);
        let none = parts.headers.get(IF_NONE_MATCH);
        match (matches, none) {
            (None, None) => Ok(Self(Condition::Any)),
            (Some(value), None) => read_match(value).map(Self).ok_or_else(|| unreadable(&IF_MATCH)),
            (None, Some(value)) if value == "*" => Ok(Self(Condition::Absent)),
            _ => Err(unreadable(&IF_NONE_MATCH)),
        }
    }
}

impl Takes for Expected {
    fn describe(_: &mut DocumentTypes, spoken: &mut Spoken) {
        spoken.headers.extend([
            (
                "If-Match",
                "Only where the thing has this tag, as `ETag` gives it; `*` where it is there.",
            ),
            ("If-None-Match", "`*`: only where the thing is not there."),
        ]);
    }
}

fn read_match(value: &HeaderValue) -> Option<Condition> {
    match value.to_str().ok()?.trim() {
        "*" => Some(Condition::Present),
        tag => {
            let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
            digits.parse().ok().map(Condition::At)
        }
    }
}

fn unreadable(header: &HeaderName) -> Problem {
    let why = format!(
        "{header}: send one tag as ETag gives it, such as If-Match: \"42\", or If-Match: *, or If-None-Match: *; not both"
    );
    Problem::invalid(ApiCode::InvalidRequest, why)
}

/// The tag of a resource, as a header of an answer.
pub(crate) fn tag(revision: Option<u64>) -> Option<[(HeaderName, HeaderValue); 1]> {
    let value = HeaderValue::from_str(&format!("\"{}\"", revision?)).ok()?;
    Some([(ETAG, value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_was_sent() {
        let [(_, sent)] = tag(Some(42)).unwrap();
        assert_eq!(read_match(&sent), Some(Condition::At(42)));
        assert_eq!(
            read_match(&HeaderValue::from_static("*")),
            Some(Condition::Present)
        );
        for bad in ["42", "\"\"", "W/\"42\"", "\"1\", \"2\"", "\"x\""] {
            assert_eq!(read_match(&HeaderValue::from_static(bad)), None, "{bad}");
        }
    }
}
