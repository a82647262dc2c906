//! CloudEvents 1.0 in messages of NATS: attributes that say what an event is, beside its data.
//!
//! A message has them in one of two forms. In *binary* mode each attribute is a header `ce-…` and the payload is the
//! data. In *structured* mode the payload is an envelope, a JSON object with the attributes and the data. The header
//! `Content-Type` says which one it is. A payload without any of these headers may be an envelope too: the binding had
//! no headers once.
//!
//! Whichever form comes in, the engine goes on with headers `ce-…`. So a place finds an attribute in one way, and a
//! plugin sees it in one way.
//!
//! Everything here comes from publishers and plugins. An attribute has one value or the message is refused; names,
//! values and their number are bounded, and no value holds a control character.
//!
//! Why: docs/decisions/0155-cloudevents-come-in-as-headers.md

mod attributes;
mod binary;
mod envelope;
mod fault;

use bytes::Bytes;
use serde::de::IgnoredAny;

pub use attributes::Attributes;
pub use binary::without_headers;
pub use envelope::{ENVELOPE_TYPE, to_envelope};
pub use fault::CloudEventFault;

use crate::{event::Header, extract::attribute_in, manifest::CloudeventsMode};

/// A CloudEvent, or as much of one as a message has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// What it says of itself.
    pub attributes: Attributes,
    /// What it brings; empty where it brings nothing.
    pub data: Bytes,
    /// The form in which it came.
    pub mode: CloudeventsMode,
}

/// Reads an event that must be a whole one.
pub fn read(headers: &[Header], payload: &Bytes) -> Result<CloudEvent, CloudEventFault> {
    let mode =
        sign_of(headers)?.or_else(|| may_be_an_envelope(payload).then_some(CloudeventsMode::Structured));
    let mode = mode.ok_or_else(CloudEventFault::no_sign)?;
    let event = read_as(mode, headers, payload)?;
    event.attributes.check_complete(mode)?;
    Ok(event)
}

/// Reads what a message has of one. Where it has no sign of being one, all of its payload is data.
pub fn read_parts(headers: &[Header], payload: &Bytes) -> Result<CloudEvent, CloudEventFault> {
    read_as(
        sign_of(headers)?.unwrap_or(CloudeventsMode::Binary),
        headers,
        payload,
    )
}

/// What identifies the event of these headers: its source together with its id, as the specification has it.
pub fn identity(headers: &[Header]) -> Option<String> {
    let (source, id) = (attribute_in(headers, "source")?, attribute_in(headers, "id")?);
    // No value holds a control character, so no two events are written alike.
    Some(format!("{source}\n{id}"))
}

fn read_as(
    mode: CloudeventsMode,
    headers: &[Header],
    payload: &Bytes,
) -> Result<CloudEvent, CloudEventFault> {
    let (attributes, data) = match mode {
        CloudeventsMode::Binary => (binary::read(headers)?, payload.clone()),
        CloudeventsMode::Structured => envelope::read(payload)?,
    };
    Ok(CloudEvent {
        attributes,
        data,
        mode,
    })
}

/// The form that the headers say, if they say one.
fn sign_of(headers: &[Header]) -> Result<Option<CloudeventsMode>, CloudEventFault> {
    let content_type = binary::content_type(headers).filter(|media| envelope::is_of_cloudevents(media));
    if let Some(media) = content_type {
        return envelope::check_type(media).map(|()| Some(CloudeventsMode::Structured));
    }
    let has_attributes = headers.iter().any(binary::is_attribute);
    Ok(has_attributes.then_some(CloudeventsMode::Binary))
}

/// Of an object, whether it has a version.
#[derive(serde::Deserialize)]
struct Version {
    specversion: Option<IgnoredAny>,
}

/// An object without a version is other JSON: what it lacks then is the headers. One that does not read is judged as an
/// envelope, so that the fault names the place.
fn may_be_an_envelope(payload: &[u8]) -> bool {
    let text = tailrace_payload::without_mark(payload).trim_ascii_start();
    let found = serde_json::from_slice::<Version>(text);
    text.first() == Some(&b'{') && found.map_or(true, |found| found.specversion.is_some())
}

#[cfg(test)]
mod tests;
