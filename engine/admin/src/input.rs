//! What comes in with a request, with errors that are problems like all others: path, query, body.

use std::{
    any::TypeId,
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tailrace_core::{
    codes::ApiCode,
    identity::PipelineId,
    manifest::words::in_words,
    name::Name,
    shape::{NO_LIST, Shape},
};

use crate::{
    ApiState,
    access::Access,
    described::{Spoken, Takes},
    document_types::DocumentTypes,
    edge::TooSlow,
    problem::{Answer, Problem},
};

/// Largest body of an ordinary request: twice the longest manifest of a pipeline.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;
/// Largest plugin: Python in a component is 18 MB.
pub(crate) const MAX_PLUGIN_BYTES: usize = 32 << 20;

/// Largest request of events: several of the broker's largest messages, or a thousand of 8 KiB.
pub(crate) const MAX_EVENTS_BYTES: usize = 8 << 20;

/// The parameters of the path, by name, percent-decoded.
pub(crate) struct PathParameters(BTreeMap<String, String>);

impl FromRequestParts<ApiState> for PathParameters {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        path.map(|Path(map)| Self(map))
            .map_err(|_| Problem::invalid(ApiCode::InvalidPath, "a part of the path is not UTF-8 text"))
    }
}

impl PathParameters {
    /// A part as text.
    pub(crate) fn text(&self, part: &str) -> &str {
        self.0.get(part).map_or("", String::as_str)
    }

    /// A part that must be a name.
    pub(crate) fn name(&self, part: &str) -> Answer<Name> {
        Name::new(self.text(part)).map_err(|cause| Problem::invalid(ApiCode::InvalidName, cause.to_string()))
    }

    /// A part that must be a number.
    pub(crate) fn number(&self, part: &str) -> Answer<u64> {
        self.text(part).parse().map_err(|_| Problem::not_found(part))
    }

    /// The pipeline of the path.
    pub(crate) fn pipeline(&self, access: &Access) -> Answer<PipelineId> {
        Ok(PipelineId {
            tenant: access.tenant.clone(),
            pipeline: self.name("pipeline")?,
        })
    }
}

/// Entries of a page where a client does not say how many.
pub(crate) const PAGE: usize = 100;

/// How many a client asks for, where it says so: at least one, and no more than a page holds.
pub(crate) fn page_of(asked: Option<usize>, default: usize, most: usize) -> Answer<usize> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(0) => Err(Problem::invalid(
            ApiCode::InvalidQuery,
            "limit=0: at least 1 is asked for",
        )),
        Some(limit) => Err(Problem::invalid(
            ApiCode::InvalidQuery,
            format!("limit={limit}: a page has at most {most}; ask for the next one for more"),
        )),
    }
}

/// The query, as `T`.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|cause| Problem::new(StatusCode::BAD_REQUEST, ApiCode::InvalidQuery, cause.body_text()))
    }
}

/// The body, within the route's limit; what it should be is read when the handler wants it.
pub(crate) struct Content<T>(Bytes, PhantomData<T>);

impl<T: Send> FromRequest<ApiState> for Content<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &ApiState) -> Answer<Self> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self::of(bytes)),
            Err(cause) => Err(body_problem(&cause)),
        }
    }
}

impl Takes for PathParameters {}

impl<T: JsonSchema> Takes for Asked<T> {
    fn describe(types: &mut DocumentTypes, spoken: &mut Spoken) {
        spoken.query = Some(types.taken_inline::<T>());
    }
}

impl<T: JsonSchema> Takes for Content<T> {
    fn describe(types: &mut DocumentTypes, spoken: &mut Spoken) {
        spoken.body = Some(types.taken::<T>());
    }
}

pub(crate) fn too_large() -> Problem {
    let detail = format!(
        "the body is larger than this route takes: {MAX_PLUGIN_BYTES} bytes for a plugin, {MAX_EVENTS_BYTES} for events, {MAX_BODY_BYTES} for anything else"
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ApiCode::TooLarge, detail)
}

fn body_problem(cause: &BytesRejection) -> Problem {
    if cause.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    if TooSlow::is_behind(cause) {
        return too_slow();
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        ApiCode::InvalidBody,
        "the body did not arrive whole",
    )
}

pub(crate) fn too_slow() -> Problem {
    let detail = "the body came too slowly; send it without long pauses";
    Problem::new(StatusCode::REQUEST_TIMEOUT, ApiCode::Timeout, detail)
}

impl<T> Content<T> {
    /// A body of these bytes.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self(bytes, PhantomData)
    }

    /// The body as it came.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Content<T> {
    /// The body as JSON; an empty one as `{}`.
    pub(crate) fn json(&self) -> Answer<T> {
        let text: &[u8] = if self.0.is_empty() { b"{}" } else { &self.0 };
        let wrong = |cause: String| {
            let detail = format!("the body is not what this route takes: {cause}");
            Problem::invalid(ApiCode::InvalidBody, detail)
        };
        // A struct is read from a list as well, by position, and that is never meant.
        let looked = shape_of::<T>().check(&mut serde_json::Deserializer::from_slice(text));
        if let Err(cause) = looked
            && cause.inner().to_string().starts_with(NO_LIST)
        {
            return Err(wrong(format!("{}: {NO_LIST}", cause.path())));
        }
        serde_json::from_slice(text).map_err(|cause| wrong(in_words(&cause.to_string())))
    }
}

/// The shape of a type, made once.
fn shape_of<T: JsonSchema + 'static>() -> Arc<Shape> {
    static SHAPES: Mutex<BTreeMap<TypeId, Arc<Shape>>> = Mutex::new(BTreeMap::new());
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    let shape = shapes.entry(TypeId::of::<T>());
    Arc::clone(shape.or_insert_with(|| Arc::new(Shape::of::<T>())))
}
