//! A message as an input reads it: by the form of CloudEvents, then by the schema of its data. What comes out is what
//! places look into, and what steps get.

use std::borrow::Cow;

use bytes::Bytes;
use tailrace_core::{
    cloudevents::{
        self, Attributes, CloudEvent, CloudEventFault, ENVELOPE_TYPE, to_envelope, without_headers,
    },
    codes::LetterCode,
    event::Header,
    extract::attribute_in,
    manifest::{CloudeventsMode, CloudeventsPayload, Decode},
    trace,
};

use crate::plan::PlannedInput;

/// What the data of a CloudEvent is, once a schema has made JSON of it.
const JSON_TYPE: &str = "application/json";

/// A message, read.
pub(crate) struct Read {
    /// Where key, time and values are.
    pub(crate) json: Bytes,
    /// What steps get.
    pub(crate) payload: Bytes,
    /// The headers that steps get.
    pub(crate) headers: Vec<Header>,
    /// The headers as they came, where reading has changed what they say of the payload.
    pub(crate) raw_headers: Option<Vec<Header>>,
    /// Why it is no event of the input, if it is none.
    pub(crate) refused: Option<(LetterCode, String)>,
}

/// Data as places and steps get it.
struct Data {
    json: Bytes,
    payload: Bytes,
}

impl Read {
    /// A message as it is.
    pub(crate) fn unread(headers: Vec<Header>, payload: &Bytes) -> Self {
        Self {
            json: payload.clone(),
            payload: payload.clone(),
            headers,
            raw_headers: None,
            refused: None,
        }
    }

    fn refuse(headers: Vec<Header>, payload: &Bytes, refused: (LetterCode, String)) -> Self {
        Self {
            refused: Some(refused),
            ..Self::unread(headers, payload)
        }
    }
}

impl PlannedInput {
    /// Reads a message.
    pub(crate) fn read(&self, decode: Decode, headers: Vec<Header>, payload: &Bytes) -> Read {
        let Some(form) = self.cloudevents else {
            return match self.read_data(decode, payload) {
                Ok(data) => Read {
                    json: data.json,
                    payload: data.payload,
                    ..Read::unread(headers, payload)
                },
                Err(why) => Read::refuse(headers, payload, (LetterCode::SchemaMismatch, why)),
            };
        };
        let event = cloudevents::read(&headers, payload);
        let event = match event.map_err(|fault: CloudEventFault| (fault.code(), fault.to_string())) {
            Ok(event) => event,
            Err(refused) => return Read::refuse(headers, payload, refused),
        };
        match self.read_data(decode, &event.data) {
            Ok(data) => handed_on(form, &event, data, headers, payload),
            Err(why) => Read::refuse(headers, payload, (LetterCode::SchemaMismatch, why)),
        }
    }

    /// Reads data by the schema of the input.
    fn read_data(&self, decode: Decode, data: &Bytes) -> Result<Data, String> {
        let json = match &self.codec {
            None => data.clone(),
            Some(codec) => codec.decode(data)?,
        };
        let payload = match decode {
            Decode::Json => json.clone(),
            Decode::Raw => data.clone(),
        };
        Ok(Data { json, payload })
    }
}

/// A CloudEvent as steps get it.
fn handed_on(
    form: CloudeventsPayload,
    event: &CloudEvent,
    data: Data,
    raw_headers: Vec<Header>,
    raw: &Bytes,
) -> Read {
    let is_whole = event.mode == CloudeventsMode::Structured;
    // Where it is JSON already, a codec copies and changes no byte.
    let is_new = |part: &Bytes| part.as_ptr() != event.data.as_ptr() || part.len() != event.data.len();
    let is_envelope = form == CloudeventsPayload::Envelope;
    let is_changed = is_whole || is_envelope || is_new(&data.payload);
    let mut headers = raw_headers.clone();
    if is_changed {
        headers = without_headers(headers);
        headers.extend(typed(&event.attributes, is_new(&data.payload)).to_headers());
    }
    let (json, payload) = match form {
        CloudeventsPayload::Data => (data.json, data.payload),
        CloudeventsPayload::Envelope => {
            headers.push(Header {
                name: "Content-Type".to_owned(),
                value: ENVELOPE_TYPE.to_owned(),
            });
            let enveloped = |part: &Bytes| match is_new(part) {
                // An envelope that nothing has changed stays as it came.
                false if is_whole => raw.clone(),
                is_new => to_envelope(&typed(&event.attributes, is_new), part).into(),
            };
            (enveloped(&data.json), enveloped(&data.payload))
        }
    };
    adopt_trace(&mut headers);
    Read {
        json,
        payload,
        headers,
        raw_headers: is_changed.then_some(raw_headers),
        refused: None,
    }
}

/// The attributes of an event whose data may be new: then a schema has made JSON of it.
fn typed(attributes: &Attributes, is_new: bool) -> Cow<'_, Attributes> {
    if !is_new {
        return Cow::Borrowed(attributes);
    }
    let mut attributes = attributes.clone();
    attributes.set("datacontenttype", JSON_TYPE);
    Cow::Owned(attributes)
}

/// A trace that the event names is followed where the message names none.
fn adopt_trace(headers: &mut Vec<Header>) {
    let attribute = |name| attribute_in(headers, name).map(Cow::into_owned);
    if let Some(parent) = attribute("traceparent") {
        let state = attribute("tracestate");
        trace::adopt(&parent, state.as_deref(), headers);
    }
}
