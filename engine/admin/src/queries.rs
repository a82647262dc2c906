//! Queries of what is committed, state and vectors: the serving layer.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
};
use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use tailrace_control::query::{
    queries::{MAX_SCAN, StateEntry},
    vectors::VectorEntry,
    windows::WindowPage,
};

use crate::{
    ApiState,
    access::Access,
    answers::{Kinds, Written, text},
    document_types::DocumentTypes,
    input::{Asked, PAGE, PathParameters, page_of},
    problem::Answer,
};

/// A value in a list: JSON as it is, other text as text, other bytes in base64.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "encoding", content = "value")]
#[schemars(rename = "EncodedValue")]
pub(crate) enum Value {
    Json(#[schemars(with = "serde_json::Value")] Box<RawValue>),
    Text(String),
    Base64(String),
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedEntry")]
pub(crate) struct Entry {
    #[serde(flatten)]
    entry: StateEntry,
    #[serde(flatten)]
    value: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scan {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowsAsked {
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// Bytes in the plainest form that holds them.
pub(crate) fn plain(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(json) => Value::Json(json),
            Err(_) => Value::Text(text),
        },
        Err(other) => Value::Base64(base64::engine::general_purpose::STANDARD.encode(other.as_bytes())),
    }
}

/// Says of an answer that it is another entry, which stands in for the one that was asked for: its key.
const STAND_IN: &str = "tr-stand-in";

/// A value as it is stored.
pub(crate) struct Stored;

impl Kinds for Stored {
    fn kinds(_: &mut DocumentTypes) -> Vec<(&'static str, serde_json::Value)> {
        let binary = json!({ "type": "string", "format": "binary" });
        vec![
            ("application/json", json!({ "description": "Any JSON." })),
            text("text/plain"),
            ("application/octet-stream", binary),
        ]
    }

    fn headers() -> Vec<(&'static str, &'static str)> {
        vec![
            ("tr-partition", "The partition that holds the entry."),
            ("tr-expires-ms", "When the entry expires, if it does."),
            (
                STAND_IN,
                "The key of the entry that stands in for the one that was asked for.",
            ),
        ]
    }
}

/// The value itself is the body, so that an application can use it as it is.
pub(crate) async fn state(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Written<Stored>> {
    let entry = api
        .queries
        .state(&path.pipeline(&access)?, path.text("step"), path.text("key"))
        .await?;
    let kind = match std::str::from_utf8(&entry.value) {
        Ok(text) if serde_json::from_str::<&RawValue>(text).is_ok() => "application/json",
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("tr-partition", HeaderValue::from(entry.partition));
    if let Some(end) = entry.expires_ms {
        headers.insert("tr-expires-ms", HeaderValue::from(end));
    }
    if entry.stands_in_for.is_some() {
        let key = HeaderValue::from_bytes(entry.key.as_bytes());
        headers.insert(STAND_IN, key.unwrap_or(HeaderValue::from_static("")));
    }
    Ok(Written::new((headers, entry.value)))
}

pub(crate) async fn scan(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<Scan>,
) -> Answer<Json<Vec<Entry>>> {
    let limit = page_of(asked.limit, PAGE, MAX_SCAN)?;
    let pipeline = path.pipeline(&access)?;
    let found = api.queries.scan(
        &pipeline,
        path.text("step"),
        &asked.prefix,
        asked.after.as_deref(),
        limit,
    );
    let found = found.await?;
    let shown = found.into_iter().map(|mut entry| {
        let value = plain(std::mem::take(&mut entry.value));
        Entry { entry, value }
    });
    Ok(Json(shown.collect()))
}

pub(crate) async fn windows(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<WindowsAsked>,
) -> Answer<Json<WindowPage>> {
    let limit = page_of(asked.limit, PAGE, MAX_SCAN)?;
    let pipeline = path.pipeline(&access)?;
    let (group, after) = (asked.group.as_deref(), asked.after.as_deref());
    let found = api
        .queries
        .windows(&pipeline, path.text("window"), group, after, limit);
    Ok(Json(found.await?))
}

pub(crate) async fn vector(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<VectorEntry>> {
    let pipeline = path.pipeline(&access)?;
    let found = api
        .queries
        .vector(&pipeline, path.text("collection"), path.text("id"));
    Ok(Json(found.await?))
}
