//! Dead letters: an event that could not be processed, with everything that is needed to understand
//! it and to send it again. The reason travels as one JSON header beside the untouched payload.
//!
//! Why: docs/decisions/0017-dead-letter-in-one-header.md

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Header},
    identity::Digest,
    ports::broker::StoredDeadLetter,
};

/// The header that bears the reason.
pub const REASON_HEADER: &str = "Tr-Dead-Letter";
/// Step name of events that fail before the first step.
pub const INPUT_STEP: &str = "input";
/// Step name of events that came too late for the windows, behind the last step.
pub const WINDOWS_STEP: &str = "windows";

/// Why an event is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "DeadLetterReason")]
pub struct Reason {
    /// The step that failed; `input` before the first.
    pub step: String,
    /// Short and stable, for counting.
    pub code: String,
    /// For a person to read.
    pub reason: String,
    /// The plugin at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Digest>,
    /// Revision of the pipeline.
    pub revision: u64,
    /// Fuel that the last try used.
    pub fuel: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// The guest's frames at a trap, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
    /// Sequence of the event in the input stream.
    pub sequence: u64,
    /// Event time in milliseconds.
    pub time_ms: u64,
    /// The event's subject at the step.
    pub subject: String,
    /// The event's key at the step.
    pub key: String,
    /// Bytes of the payload before it was cut, where the whole did not fit into a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<u64>,
    /// The event's identifier for `input.dedup`, where the letter is the whole event and not a message in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup_id: Option<String>,
    /// The name of the timer that failed, where the letter is no event but a timer with its payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<String>,
    /// Which of several inputs the event is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// Headers of the dead letter: the event's own, and the reason.
pub fn headers(own: &[Header], reason: &Reason) -> Vec<Header> {
    let mut headers = own.to_vec();
    headers.retain(|header| !header.name.eq_ignore_ascii_case(REASON_HEADER));
    let value = serde_json::to_string(reason).expect("a reason always serialises");
    headers.push(Header {
        name: REASON_HEADER.to_owned(),
        value,
    });
    headers
}

/// The reason that a stored dead letter bears.
pub fn reason(headers: &[Header]) -> Option<Reason> {
    let header = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(REASON_HEADER))?;
    serde_json::from_str(&header.value).ok()
}

/// The event as it was at the step that failed, and why it did.
pub fn revive(headers: Vec<Header>, payload: Bytes) -> Option<(Event, Reason)> {
    let reason = reason(&headers)?;
    let own = |header: &Header| {
        let name = header.name.to_ascii_lowercase();
        name != REASON_HEADER.to_ascii_lowercase() && !name.starts_with("nats-")
    };
    let event = Event {
        sequence: reason.sequence,
        time_ms: reason.time_ms,
        subject: reason.subject.clone(),
        key: reason.key.clone(),
        headers: headers.into_iter().filter(own).collect(),
        payload,
    };
    Some((event, reason))
}

/// A dead letter as people see it.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeadLetter {
    /// Names it.
    pub id: u64,
    /// When it was stored, milliseconds since the epoch.
    pub stored_ms: u64,
    /// Why it is one.
    #[serde(flatten)]
    pub reason: Reason,
    /// Its other headers.
    pub headers: Vec<Header>,
    /// Its payload as text, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_text: Option<String>,
    /// Its payload in hexadecimal, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_hex: Option<String>,
}

impl DeadLetter {
    /// From the stream; none where a foreign message lies on the subject.
    pub fn from_stored(stored: StoredDeadLetter) -> Option<Self> {
        let reason = reason(&stored.headers)?;
        let mut headers = stored.headers;
        headers.retain(|header| !header.name.eq_ignore_ascii_case(REASON_HEADER));
        let text = std::str::from_utf8(&stored.payload).ok().map(str::to_owned);
        let hex = text.is_none().then(|| hexadecimal(&stored.payload));
        Some(Self {
            id: stored.sequence,
            stored_ms: stored.stored_ms,
            reason,
            headers,
            payload_text: text,
            payload_hex: hex,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_revives_as_it_was_whatever_its_bytes() {
        let event = Event {
            sequence: 9,
            time_ms: 10,
            subject: "a.b".into(),
            key: "k\r\n\"".into(),
            headers: vec![Header {
                name: "X".into(),
                value: "1".into(),
            }],
            payload: Bytes::from_static(&[0, 0xff]),
        };
        let reason = Reason {
            step: "rank".into(),
            code: "crash".into(),
            reason: "line\r\nforged: header".into(),
            plugin: Some(Digest::of(b"x")),
            revision: 3,
            fuel: 4,
            attempts: 2,
            backtrace: vec!["f".into()],
            sequence: event.sequence,
            time_ms: event.time_ms,
            subject: event.subject.clone(),
            key: event.key.clone(),
            cut_from: None,
            dedup_id: Some("o-17".into()),
            timer: None,
            input: Some("orders".into()),
        };
        let headers = headers(&event.headers, &reason);
        assert!(
            headers.iter().all(|h| !h.value.contains(['\r', '\n'])),
            "no header can be forged"
        );
        assert_eq!(revive(headers, event.payload.clone()), Some((event, reason)));
    }
}
