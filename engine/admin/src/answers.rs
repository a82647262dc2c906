//! The kinds of answer of success, each with what the description says of it.

use std::marker::PhantomData;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    described::{Given, Gives},
    document_types::DocumentTypes,
    problem::Problem,
};

const JSON: &str = "application/json";

/// Done, and there is nothing to say.
pub(crate) struct NoContent;

/// It will be done, and this is told of it.
pub(crate) struct Begun<T>(pub(crate) T);

/// Made, and it looks so.
pub(crate) struct Created<T>(pub(crate) T);

/// It is there: made now, or before.
pub(crate) struct Kept<T> {
    pub(crate) is_new: bool,
    pub(crate) content: T,
}

/// A thing with its tag, if it has one.
pub(crate) struct Tagged<T>(pub(crate) Option<[(HeaderName, HeaderValue); 1]>, pub(crate) T);

/// An answer that its handler writes itself, of the kinds that `K` names.
pub(crate) struct Written<K>(Response, PhantomData<K>);

/// Kinds of content, and headers.
pub(crate) trait Kinds {
    /// The kinds, with what they look like.
    fn kinds(types: &mut DocumentTypes) -> Vec<(&'static str, Value)>;

    /// Headers, with their meanings.
    fn headers() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

impl<K> Written<K> {
    pub(crate) fn new(answer: impl IntoResponse) -> Self {
        Self(answer.into_response(), PhantomData)
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<T: Serialize> IntoResponse for Begun<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Kept<T> {
    fn into_response(self) -> Response {
        let status = if self.is_new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        (status, Json(self.content)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl<K> IntoResponse for Written<K> {
    fn into_response(self) -> Response {
        self.0
    }
}

fn empty(status: u16) -> Given {
    Given {
        status,
        kinds: Vec::new(),
        headers: Vec::new(),
    }
}

fn json<T: JsonSchema>(types: &mut DocumentTypes, status: u16) -> Given {
    Given {
        kinds: vec![(JSON, types.given::<T>())],
        ..empty(status)
    }
}

impl<T: JsonSchema> Gives for Begun<T> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        vec![json::<T>(types, 202)]
    }
}

impl<T: JsonSchema> Gives for Json<T> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        vec![json::<T>(types, 200)]
    }
}

impl Gives for NoContent {
    fn describe(_: &mut DocumentTypes) -> Vec<Given> {
        vec![empty(204)]
    }
}

impl<T: JsonSchema> Gives for Created<T> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        vec![json::<T>(types, 201)]
    }
}

impl<T: JsonSchema> Gives for Kept<T> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        vec![json::<T>(types, 200), json::<T>(types, 201)]
    }
}

impl<T: JsonSchema> Gives for Tagged<T> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        let tag = "The revision of the thing, for `If-Match`.";
        vec![Given {
            headers: vec![("ETag", tag)],
            ..json::<T>(types, 200)
        }]
    }
}

impl<K: Kinds> Gives for Written<K> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        vec![Given {
            status: 200,
            kinds: K::kinds(types),
            headers: K::headers(),
        }]
    }
}

/// What a refusal looks like is the same for all routes.
impl<T: Gives> Gives for Result<T, Problem> {
    fn describe(types: &mut DocumentTypes) -> Vec<Given> {
        T::describe(types)
    }
}

/// Text of a kind.
pub(crate) fn text(kind: &'static str) -> (&'static str, Value) {
    (kind, json!({ "type": "string" }))
}

/// A stream of server-sent events: their names, and what their data looks like.
pub(crate) fn events(events: &[(&'static str, Value)]) -> (&'static str, Value) {
    let names: Vec<String> = events.iter().map(|(name, _)| format!("`{name}`")).collect();
    let data: serde_json::Map<String, Value> = events
        .iter()
        .map(|(name, data)| ((*name).to_owned(), data.clone()))
        .collect();
    let said = format!("Server-sent events: {}. Their data is JSON.", names.join(", "));
    (
        "text/event-stream",
        json!({ "type": "string", "description": said, "x-events": data }),
    )
}
