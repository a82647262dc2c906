//! What is published, as the manifest wants it: written by its schema, and as a CloudEvent.
//!
//! A CloudEvent is identified by its source and its id. What the steps hand on unchanged is the event that came, so it
//! keeps both. Whatever is made of it is another event: it gets the pipeline as its source, and an id that is the same at
//! every try, whatever a plugin has written there. Three messages with the id of one event would be one to their
//! readers.

use bytes::Bytes;
use tailrace_core::{
    cloudevents::{CloudEvent, ENVELOPE_TYPE, read_parts, to_envelope, without_headers},
    codec::Codec,
    codes::LetterCode,
    event::Header,
    event_time::rfc3339,
    extract::check_json,
    identity::PipelineId,
    manifest::{CloudeventsMode, OutputCloudeventsManifest, OutputManifest},
    text::plain,
};

/// Longest id: that of a timer names its key, of 1,024 bytes at most.
const MAX_ID_CHARS: usize = 4_096;

/// How what is published is written.
#[derive(Debug, Default)]
pub(crate) struct PlannedOutput {
    /// By this schema, where it has one.
    pub(super) codec: Option<Codec>,
    cloudevents: Option<PlannedCloudevents>,
}

#[derive(Debug)]
struct PlannedCloudevents {
    manifest: OutputCloudeventsManifest,
    source: String,
}

/// A message as it is published.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) headers: Vec<Header>,
    pub(crate) payload: Bytes,
}

/// What a message is, beside its headers and its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Which of all messages of the pipeline it is.
    pub(crate) name: &'a str,
    /// Its time in milliseconds.
    pub(crate) time_ms: u64,
    /// Its key.
    pub(crate) key: &'a str,
    /// The window or join that it is a result of.
    pub(crate) result: Option<&'a str>,
    /// Whether it is the event that came in.
    pub(crate) is_the_event: bool,
}

impl PlannedOutput {
    /// That of a manifest.
    pub(super) fn of(pipeline: &PipelineId, output: Option<&OutputManifest>) -> Self {
        let declared = output.and_then(|output| output.cloudevents.clone());
        let cloudevents = declared.map(|manifest| PlannedCloudevents {
            source: manifest.source.clone().unwrap_or_else(|| {
                let PipelineId { tenant, pipeline } = pipeline;
                format!("/tailrace/{tenant}/{pipeline}")
            }),
            manifest,
        });
        Self {
            codec: None,
            cloudevents,
        }
    }

    /// Whether messages need a name.
    pub(super) fn names_messages(&self) -> bool {
        self.cloudevents.is_some()
    }

    /// Writes a message; or says why it cannot be written.
    pub(crate) fn write(
        &self,
        about: About<'_>,
        headers: Vec<Header>,
        payload: Bytes,
    ) -> Result<Written, (LetterCode, String)> {
        match &self.cloudevents {
            None => Ok(Written {
                headers,
                payload: self.encode(payload)?,
            }),
            Some(planned) => self.write_event(planned, about, headers, payload),
        }
    }

    fn encode(&self, data: Bytes) -> Result<Bytes, (LetterCode, String)> {
        match &self.codec {
            Some(codec) => codec
                .encode(&data)
                .map_err(|why| (LetterCode::SchemaMismatch, why)),
            None => Ok(data),
        }
    }

    fn write_event(
        &self,
        planned: &PlannedCloudevents,
        about: About<'_>,
        headers: Vec<Header>,
        payload: Bytes,
    ) -> Result<Written, (LetterCode, String)> {
        let event = read_parts(&headers, &payload).map_err(|fault| (fault.code(), fault.to_string()))?;
        let CloudEvent {
            mut attributes,
            data,
            mode: came_as,
        } = event;
        let data = self.encode(data)?;
        let is_whole =
            about.is_the_event && attributes.get("id").is_some() && attributes.get("source").is_some();
        if !is_whole {
            attributes.set("id", plain(about.name, MAX_ID_CHARS));
            attributes.set("source", &*planned.source);
        }
        attributes.set("specversion", "1.0");
        attributes.set_if_absent("type", || planned.manifest.type_of(about.result));
        if let Some(time) = rfc3339(about.time_ms) {
            attributes.set_if_absent("time", || time.to_string());
        }
        if !about.key.is_empty() && !about.key.chars().any(char::is_control) {
            attributes.set_if_absent("subject", || about.key.to_owned());
        }
        match &self.codec {
            Some(codec) => attributes.set("datacontenttype", codec.media_type()),
            None if data.is_empty() => attributes.remove("datacontenttype"),
            None => attributes.set_if_absent("datacontenttype", || media_of(&data).to_owned()),
        }
        let mut headers = without_headers(headers);
        let payload = match planned.manifest.mode {
            CloudeventsMode::Binary => {
                headers.extend(attributes.to_headers());
                data
            }
            CloudeventsMode::Structured => {
                headers.push(Header {
                    name: "Content-Type".to_owned(),
                    value: ENVELOPE_TYPE.to_owned(),
                });
                let is_written = is_whole && came_as == CloudeventsMode::Structured && self.codec.is_none();
                if is_written {
                    payload
                } else {
                    to_envelope(&attributes, &data).into()
                }
            }
        };
        Ok(Written { headers, payload })
    }
}

/// What data is of which nothing is said.
fn media_of(data: &[u8]) -> &'static str {
    if check_json(data).is_ok() {
        "application/json"
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests;
