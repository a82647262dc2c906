//! A file of events: one a line. A line is a payload as it stands, whatever its bytes, or, where the
//! file holds envelopes, a JSON object with the payload and what goes beside it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tailrace_core::event::Header;

use crate::cli::error::misuse;

/// Longest line: no broker takes a larger message than 64 MiB.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// An event as the file gives it.
#[derive(Debug, PartialEq)]
pub struct GivenEvent {
    /// Its line in the file, from 1; also its sequence.
    pub line: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: Vec<Header>,
    /// When the broker received it, if the file says so.
    pub received_ms: Option<u64>,
    /// Its payload.
    pub payload: Bytes,
}

/// A line of a file of envelopes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    subject: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    time_ms: Option<u64>,
    /// Any JSON; taken as it is written. `null` is the payload `null`.
    #[serde(default, deserialize_with = "there")]
    payload: Option<Box<RawValue>>,
    /// A payload that is text.
    #[serde(default, deserialize_with = "there")]
    text: Option<String>,
}

/// A field that is there has a value: for serde alone, `null` would be as good as no field.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// Reads events line by line, so that a file may be larger than memory.
pub struct EventFile {
    source: BufReader<File>,
    name: String,
    subject: String,
    are_envelopes: bool,
    line: u64,
}

impl EventFile {
    /// Opens a file whose events have this subject, unless an envelope names another.
    pub fn open(path: &Path, subject: &str, are_envelopes: bool) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot read the events {name}"))?;
        Ok(Self {
            source: BufReader::new(file),
            name,
            subject: subject.to_owned(),
            are_envelopes,
            line: 0,
        })
    }

    fn read(&mut self) -> anyhow::Result<Option<GivenEvent>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.source).take(MAX_LINE_BYTES);
        limited
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read the events {}", self.name))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 == MAX_LINE_BYTES {
            return Err(misuse(
                format!(
                    "line {} of {} has more than {MAX_LINE_BYTES} bytes",
                    self.line, self.name
                ),
                "write one event a line",
            ));
        }
        if self.are_envelopes {
            self.open_envelope(&line).map(Some)
        } else {
            Ok(Some(self.event(line.into())))
        }
    }

    fn event(&self, payload: Bytes) -> GivenEvent {
        GivenEvent {
            line: self.line,
            subject: self.subject.clone(),
            headers: Vec::new(),
            received_ms: None,
            payload,
        }
    }

    fn open_envelope(&self, line: &[u8]) -> anyhow::Result<GivenEvent> {
        let wrong = |cause: String| {
            misuse(
                format!("line {} of {} is no envelope: {cause}", self.line, self.name),
                r#"write {"subject":"a.b","headers":{"X":"1"},"time_ms":0,"payload":{…}}, with "text" in place of "payload" for what is no JSON"#,
            )
        };
        let envelope: Envelope = serde_json::from_slice(line).map_err(|cause| wrong(cause.to_string()))?;
        let payload = match (envelope.payload, envelope.text) {
            (Some(json), None) => json.get().to_owned(),
            (None, Some(text)) => text,
            (None, None) => String::new(),
            (Some(_), Some(_)) => return Err(wrong("it has both payload and text".to_owned())),
        };
        let headers = envelope
            .headers
            .into_iter()
            .map(|(name, value)| Header { name, value });
        let event = self.event(payload.into());
        Ok(GivenEvent {
            subject: envelope.subject.unwrap_or(event.subject),
            headers: headers.collect(),
            received_ms: envelope.time_ms,
            ..event
        })
    }
}

impl Iterator for EventFile {
    type Item = anyhow::Result<GivenEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &[u8], are_envelopes: bool) -> Vec<anyhow::Result<GivenEvent>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        EventFile::open(file.path(), "a.b", are_envelopes)
            .unwrap()
            .collect()
    }

    #[test]
    fn a_line_is_a_payload_whatever_its_bytes() {
        let read: Vec<_> = events(b"{\"a\":1}\n\n\xff\xfe\nlast", false)
            .into_iter()
            .map(|event| event.unwrap().payload)
            .collect();
        assert_eq!(read, [&b"{\"a\":1}"[..], b"", b"\xff\xfe", b"last"]);
    }

    #[test]
    fn an_envelope_says_what_goes_beside_the_payload() {
        let text = br#"{"subject":"x.y","headers":{"K":"v"},"time_ms":7,"payload":{"a": 1}}
{"text":"not json"}
{}
{"payload":null}"#;
        let read: Vec<_> = events(text, true).into_iter().map(Result::unwrap).collect();
        assert_eq!(
            (
                read[0].subject.as_str(),
                read[0].received_ms,
                read[0].headers.len()
            ),
            ("x.y", Some(7), 1)
        );
        assert_eq!(read[0].payload, r#"{"a": 1}"#);
        assert_eq!(
            (read[1].subject.as_str(), &read[1].payload[..]),
            ("a.b", &b"not json"[..])
        );
        assert!(read[2].payload.is_empty());
        assert_eq!(read[3].payload, "null");
    }

    #[test]
    fn a_line_that_is_no_envelope_is_named() {
        let error = events(b"{}\n{\"paylod\":1}\n", true)
            .remove(1)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("line 2 of ") && error.contains("paylod"),
            "{error}"
        );
    }
}
