//! Attributes and data in one JSON object: the JSON event format.
//!
//! The text of the data is handed on as it stands in the envelope, so no digit and no order of members changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use tailrace_payload::without_mark;
use tailrace_schema::base64::{from_base64, to_base64};

use super::{
    attributes::{Attributes, REQUIRED, is_text_by_the_specification, place_of},
    fault::{CloudEventFault, shown},
};
use crate::{
    extract::{PayloadFault, check_json},
    manifest::CloudeventsMode,
};

/// What a message with an envelope says that it is.
pub const ENVELOPE_TYPE: &str = "application/cloudevents+json";
/// The same of any format, and of batches.
const ANY_TYPE: &str = "application/cloudevents";
/// The members that are no attributes.
const DATA: &str = "data";
const DATA_BASE64: &str = "data_base64";

/// Whether a media type is one of CloudEvents.
pub(super) fn is_of_cloudevents(media: &str) -> bool {
    let start = media.trim_start().get(..ANY_TYPE.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(ANY_TYPE))
}

/// Whether it is the one that is read.
pub(super) fn check_type(media: &str) -> Result<(), CloudEventFault> {
    let essence = essence(media);
    if [ENVELOPE_TYPE, ANY_TYPE].contains(&&*essence) {
        return Ok(());
    }
    let why = format!(
        "{:?} is not read; publish {ENVELOPE_TYPE}, one event a message",
        shown(&essence)
    );
    Err(CloudEventFault::at("header Content-Type", why))
}

/// The attributes and the data of an envelope.
pub(super) fn read(payload: &Bytes) -> Result<(Attributes, Bytes), CloudEventFault> {
    check_json(payload).map_err(CloudEventFault::Envelope)?;
    let no_object = |_| {
        let why = "the payload is no JSON object with the attributes of a CloudEvent".to_owned();
        CloudEventFault::Envelope(PayloadFault::Unreadable(why))
    };
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_slice(without_mark(payload)).map_err(no_object)?;
    let mut attributes = Attributes::default();
    for (name, value) in &members {
        if [DATA, DATA_BASE64].contains(&&**name) {
            continue;
        }
        let place = place_of(CloudeventsMode::Structured, name);
        if is_text_by_the_specification(name) && !value.get().starts_with(['"', 'n']) {
            let why = format!(
                "CloudEvents has text there, and {} stands there; write it in quotation marks",
                shown(value.get())
            );
            return Err(CloudEventFault::at(&place, why));
        }
        if let Some(text) = attribute(value.get(), &place)? {
            attributes.add(name, text, &place)?;
        }
    }
    let data = data(payload, &members, attributes.get("datacontenttype"))?;
    Ok((attributes, data))
}

/// The value of an attribute as text; none for `null`, which stands for an absent one.
fn attribute(value: &str, place: &str) -> Result<Option<String>, CloudEventFault> {
    let refuse = |why: &str| Err(CloudEventFault::at(place, why));
    match value.as_bytes() {
        b"null" => Ok(None),
        b"true" | b"false" => Ok(Some(value.to_owned())),
        [b'"', ..] => match serde_json::from_str(value) {
            Ok(text) => Ok(Some(text)),
            Err(_) => refuse("the text has half of a surrogate pair"),
        },
        [b'-' | b'0'..=b'9', ..] if value.parse::<i32>().is_ok() => Ok(Some(value.to_owned())),
        [b'-' | b'0'..=b'9', ..] => {
            refuse("a number is to be whole and to have 32 bits; write it as text, or into the data")
        }
        _ => refuse("an attribute is text, a whole number or a truth value; put the rest into the data"),
    }
}

fn data(
    payload: &Bytes,
    members: &BTreeMap<String, &RawValue>,
    media: Option<&str>,
) -> Result<Bytes, CloudEventFault> {
    let member = |name| {
        members
            .get(name)
            .map(|value| value.get())
            .filter(|value| *value != "null")
    };
    match (member(DATA), member(DATA_BASE64)) {
        (Some(_), Some(_)) => Err(CloudEventFault::at(
            "/data_base64",
            "an event has either `data` or `data_base64`",
        )),
        (None, None) => Ok(members
            .get(DATA)
            .filter(|_| is_json(media))
            .map_or_else(Bytes::new, |null| payload.slice_ref(null.get().as_bytes()))),
        (None, Some(text)) => {
            let text: Option<String> = serde_json::from_str(text).ok();
            let bytes = text.and_then(|text| from_base64(&text));
            let no_text = || CloudEventFault::at("/data_base64", "it is no text in base64");
            bytes.map(Bytes::from).ok_or_else(no_text)
        }
        (Some(text), None) if text.starts_with('"') && !is_json(media) => {
            let text: Result<String, _> = serde_json::from_str(text);
            let half = |_| CloudEventFault::at("/data", "the text has half of a surrogate pair");
            text.map(Bytes::from).map_err(half)
        }
        (Some(text), None) => Ok(payload.slice_ref(text.as_bytes())),
    }
}

/// An envelope of these attributes and this data.
pub fn to_envelope(attributes: &Attributes, data: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(data.len() + 256);
    let others = attributes.iter().map(|(name, _)| name);
    let others = others.filter(|name| !REQUIRED.contains(name));
    for name in REQUIRED.into_iter().chain(others) {
        if let Some(value) = attributes.get(name) {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&quoted(name));
            text.push(':');
            text.push_str(&quoted(value));
        }
    }
    if text.is_empty() {
        text.push('{');
    } else if !data.is_empty() {
        text.push(',');
    }
    if !data.is_empty() {
        push_data(&mut text, data, attributes.get("datacontenttype"));
    }
    text.push('}');
    text.into_bytes()
}

fn push_data(text: &mut String, data: &[u8], media: Option<&str>) {
    let plain = without_mark(data);
    let json = std::str::from_utf8(plain).ok().filter(|_| is_json(media));
    let json = json.filter(|json| check_json(json.as_bytes()).is_ok());
    let words = || std::str::from_utf8(data).ok().filter(|_| is_text(media));
    match (json, words()) {
        (Some(json), _) => {
            text.push_str("\"data\":");
            text.push_str(json);
        }
        (None, Some(words)) => {
            text.push_str("\"data\":");
            text.push_str(&quoted(words));
        }
        (None, None) => {
            text.push_str("\"data_base64\":");
            text.push_str(&quoted(&to_base64(data)));
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Without a word, data is JSON.
fn is_json(media: Option<&str>) -> bool {
    media.is_none_or(|media| {
        let essence = essence(media);
        let subtype = essence.split_once('/').map(|(_, subtype)| subtype);
        subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    })
}

fn is_text(media: Option<&str>) -> bool {
    media.is_some_and(|media| {
        let essence = essence(media);
        essence.starts_with("text/") || essence.ends_with("/xml") || essence.ends_with("+xml")
    })
}

/// A media type without its parameters, in lower case.
fn essence(media: &str) -> String {
    let essence = media.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
