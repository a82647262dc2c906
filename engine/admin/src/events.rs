//! Events that a tenant publishes over HTTP, for who has no way to NATS.
//!
//! Why: docs/decisions/0095-events-over-the-api.md

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
};
use base64::Engine as _;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tailrace_core::{
    codes::ApiCode,
    event::Header,
    ports::messages::{NewMessage, StoredAt},
    text::plain,
};

use crate::{
    access::Access,
    input::{Asked, Content},
    problem::{Answer, Problem},
};

/// JSON lines: each line is the payload of an event.
pub(crate) const LINES: &str = "application/x-ndjson";
/// A list of events with their subjects.
const DOCUMENT: &str = "application/json";
/// Of a kind that is refused, what is repeated.
const MAX_SHOWN_CHARS: usize = 64;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Where {
    subject: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Events {
    events: Vec<GivenEvent>,
}

/// An event, as `tailrace plugin test --envelopes` reads it too.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenEvent {
    subject: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Any JSON; taken as it is written. `null` is the payload `null`.
    #[serde(default, deserialize_with = "there")]
    #[schemars(with = "Option<serde_json::Value>")]
    payload: Option<Box<RawValue>>,
    /// A payload that is text. An empty one has no bytes.
    #[serde(default, deserialize_with = "there")]
    text: Option<String>,
    /// A payload of any bytes.
    #[serde(default, deserialize_with = "there")]
    base64: Option<String>,
    id: Option<String>,
}

/// A field that is there has a value: for serde alone, `null` would be as good as no field.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// What became of the events.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Published {
    published: usize,
    /// In the order of the request.
    events: Vec<StoredAt>,
}

pub(crate) async fn publish(
    access: Access,
    Asked(place): Asked<Where>,
    headers: HeaderMap,
    body: Content<Events>,
) -> Answer<Json<Published>> {
    let subject = place.subject.as_deref();
    let events = match &*kind(&headers) {
        LINES => lines(&body, subject)?,
        DOCUMENT | "" => documents(&body, subject)?,
        other => {
            let other = plain(other, MAX_SHOWN_CHARS);
            let detail = format!(
                "Content-Type is {other:?}, and this route takes {DOCUMENT} (an object with `events`) or {LINES} (each line is a payload); for a payload of any bytes send JSON with `base64`"
            );
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, ApiCode::UnsupportedMediaType, detail));
        }
    };
    let events = access.commands.publish(&access.tenant, events).await?;
    Ok(Json(Published {
        published: events.len(),
        events,
    }))
}

/// What the body is said to be, without parameters; nothing where nothing is said.
fn kind(headers: &HeaderMap) -> String {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return String::new();
    };
    let kind = String::from_utf8_lossy(kind.as_bytes());
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Each line is a payload; an empty one is none.
fn lines(body: &Content<Events>, subject: Option<&str>) -> Answer<Vec<NewMessage>> {
    let subject = subject.ok_or_else(|| {
        let detail = "JSON lines say nothing of their subject; name it with ?subject=";
        Problem::invalid(ApiCode::InvalidQuery, detail)
    })?;
    let lines = body.bytes().split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let message = |line: &[u8]| NewMessage {
        subject: subject.to_owned(),
        headers: Vec::new(),
        payload: body.bytes().slice_ref(line),
        id: None,
    };
    Ok(lines.filter(|line| !line.is_empty()).map(message).collect())
}

fn documents(body: &Content<Events>, subject: Option<&str>) -> Answer<Vec<NewMessage>> {
    let Events { events } = body.json()?;
    let each = events.into_iter().enumerate();
    each.map(|(index, event)| {
        let wrong = |why: &str| Problem::invalid(ApiCode::InvalidBody, format!("event {}: {why}", index + 1));
        Ok(NewMessage {
            payload: payload(&event).map_err(wrong)?,
            subject: event
                .subject
                .or_else(|| subject.map(str::to_owned))
                .ok_or_else(|| wrong("it has no subject; name it in the event, or for all with ?subject="))?,
            headers: event
                .headers
                .into_iter()
                .map(|(name, value)| Header { name, value })
                .collect(),
            id: event.id,
        })
    })
    .collect()
}

fn payload(event: &GivenEvent) -> Result<Bytes, &'static str> {
    match (&event.payload, &event.text, &event.base64) {
        (Some(json), None, None) => Ok(Bytes::from(json.get().to_owned())),
        (None, Some(text), None) => Ok(Bytes::from(text.clone())),
        (None, None, Some(base64)) => base64::engine::general_purpose::STANDARD
            .decode(base64)
            .map(Bytes::from)
            .map_err(|_| "its base64 does not decode"),
        (None, None, None) => {
            Err("it has none of payload, text and base64; an empty message is \"text\": \"\"")
        }
        _ => Err("it has more than one of payload, text and base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<NewMessage>, String> {
        documents(&Content::of(Bytes::from(body.to_owned())), None).map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn a_payload_is_taken_as_it_is_written() {
        let events = read(
            r#"{"events":[{"subject":"a","payload":{"n": 12345678901234567890123, "b":1}},{"subject":"b","text":"x"},{"subject":"c","base64":"AP8="},{"subject":"d","text":""},{"subject":"e","payload":null}]}"#,
        )
        .unwrap();
        let payloads: Vec<&[u8]> = events.iter().map(|event| &event.payload[..]).collect();
        let wanted: [&[u8]; 5] = [
            br#"{"n": 12345678901234567890123, "b":1}"#,
            b"x",
            &[0, 255],
            b"",
            b"null",
        ];
        assert_eq!(payloads, wanted);
    }

    #[test]
    fn an_event_that_is_not_understood_is_named() {
        for (body, part) in [
            (
                r#"{"events":[{"subject":"a","text":""},{"payload":1}]}"#,
                "event 2: it has no subject",
            ),
            (
                r#"{"events":[{"subject":"a","payload":1,"text":"x"}]}"#,
                "more than one",
            ),
            (
                r#"{"events":[{"subject":"a","payload":null,"base64":""}]}"#,
                "more than one",
            ),
            (r#"{"events":[{"subject":"a"}]}"#, "event 1: it has none of"),
            (
                r#"{"events":[{"subject":"a","text":null}]}"#,
                "a text is expected",
            ),
            (r#"{"events":[["a",{},1]]}"#, "events[0]: a list stands"),
            (r#"{"events":[{"subject":"a","base64":"%"}]}"#, "does not decode"),
            (r#"{"events":[{"subjekt":"a"}]}"#, "subjekt"),
        ] {
            let why = read(body).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn each_line_that_is_not_empty_is_an_event() {
        let body = Content::of(Bytes::from_static(b"{\"a\":1}\r\n\n{\"a\":2}"));
        let events = lines(&body, Some("a.b")).unwrap_or_default();
        let payloads: Vec<&[u8]> = events.iter().map(|event| &event.payload[..]).collect();
        assert_eq!(payloads, [&b"{\"a\":1}"[..], b"{\"a\":2}"]);
        assert!(lines(&body, None).is_err());
    }
}
