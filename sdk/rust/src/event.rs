//! Reading an event, and making one for a test.

use std::{borrow::Cow, fmt::Display};

use serde::Deserialize;

use crate::{Event, Failure, Header};

/// Longest piece of a parser's error in a reason, which is for a person to read.
const MAX_REASON_CHARACTERS: usize = 300;

/// Reads an event, and makes one for a test.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let event = Event::new("shop.orders", r#"{"user":"ada","amount":7}"#)
///     .with_key("ada")
///     .with_header("lang", "en")
///     .at(1_700_000_000_000);
/// assert_eq!(event.fields().unwrap().number("amount").unwrap(), 7.0);
/// assert_eq!(event.header("lang"), Some("en"));
/// let event = event.with_header("ce-subject", "till%201");
/// assert_eq!(event.cloudevent("subject").as_deref(), Some("till 1"));
/// ```
impl Event {
    /// Makes an event for a test, without a key and headers, at time 0. The test host gives it the next
    /// sequence.
    pub fn new(subject: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            sequence: 0,
            time: 0,
            subject: subject.into(),
            key: String::new(),
            headers: Vec::new(),
            payload: payload.into(),
        }
    }

    /// Returns the event with this key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// Returns the event at this time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn at(mut self, time_ms: u64) -> Self {
        self.time = time_ms;
        self
    }

    /// Returns the event at this position of its stream.
    #[must_use]
    pub fn with_sequence(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns the event with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Reads the payload as JSON. The type may borrow from the event, so `&str` fields copy nothing. A byte order
    /// mark of UTF-8 in front is passed over. A payload that does not fit the type fails with the code
    /// `malformed-json`.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Failure> {
        serde_json::from_slice(self.json_bytes()).map_err(|error| self.malformed(error))
    }

    /// Makes the failure of a payload that is not the JSON that it should be, with the code `malformed-json`. If the
    /// payload is compressed or in another encoding, such as UTF-16, the reason says so.
    pub fn malformed(&self, error: impl Display) -> Failure {
        if let Some(form) = tailrace_payload::form(&self.payload) {
            return Failure::invalid("malformed-json", form);
        }
        // The error may repeat a text of the payload, which may be the whole of it.
        let shown: String = error.to_string().chars().take(MAX_REASON_CHARACTERS).collect();
        Failure::invalid("malformed-json", format!("the payload does not read: {shown}"))
    }

    /// The payload behind its byte order mark, if it has one: the engine passes it over, too.
    pub(crate) fn json_bytes(&self) -> &[u8] {
        tailrace_payload::without_mark(&self.payload)
    }

    /// Reads the payload as text. Other bytes fail with the code `not-utf8`.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.payload)
            .map_err(|error| Failure::invalid("not-utf8", format!("the payload is not text: {error}")))
    }

    /// Returns the value of an attribute of a CloudEvent, such as `subject`; none where the event has no such attribute.
    /// With `input.cloudevents`, events have their attributes as headers `ce-…`, percent-encoded.
    pub fn cloudevent(&self, attribute: &str) -> Option<Cow<'_, str>> {
        let is_it = |header: &&Header| {
            let name = tailrace_payload::attribute::name_of(&header.name);
            name.is_some_and(|name| name.eq_ignore_ascii_case(attribute))
        };
        let header = self.headers.iter().find(is_it)?;
        tailrace_payload::attribute::from_header(&header.value).ok()
    }

    /// Returns the first header of this name. Names are case-sensitive, as in NATS.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name == name);
        found.map(|header| header.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::Event;

    #[derive(Deserialize)]
    struct Rating<'a> {
        user: &'a str,
    }

    #[test]
    fn json_borrows_from_the_event() {
        let event = Event::new("shop", r#"{"user":"383"}"#);
        assert_eq!(event.json::<Rating<'_>>().unwrap().user, "383");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let event = Event::new("shop", "\u{feff}{\"user\":\"383\"}");
        assert_eq!(event.json::<Rating<'_>>().unwrap().user, "383");
        assert_eq!(event.fields().unwrap().id("user").unwrap(), "383");
    }

    #[test]
    fn a_payload_that_is_something_else_is_named() {
        let utf_16 = "{\"user\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (payload, name) in [(vec![0x1f, 0x8b, 8, 0], "gzip"), (utf_16, "UTF-16")] {
            let event = Event::new("shop", payload);
            for failure in [event.json::<Rating<'_>>().err(), event.fields().err()] {
                let failure = failure.unwrap();
                assert_eq!(failure.code(), Some("malformed-json"));
                assert!(failure.reason().contains(name), "{failure:?}");
            }
        }
    }

    #[test]
    fn a_payload_of_the_wrong_shape_is_an_invalid_event() {
        for payload in ["", "{", "[]", "{\"user\":5}", "\u{0}"] {
            let event = Event::new("shop", payload);
            assert_eq!(
                event.json::<Rating<'_>>().err().unwrap().code(),
                Some("malformed-json")
            );
        }
    }

    #[test]
    fn a_payload_100_000_levels_deep_is_an_invalid_event() {
        let event = Event::new("shop", "[".repeat(100_000));
        let failure = event.json::<serde_json::Value>().unwrap_err();
        assert_eq!(failure.code(), Some("malformed-json"));
    }

    #[test]
    fn a_reason_does_not_repeat_the_whole_payload() {
        let event = Event::new("shop", format!("\"{}\"", "x".repeat(1 << 20)));
        let failure = event.json::<u32>().unwrap_err();
        assert!(failure.reason().len() < 400);
    }

    #[test]
    fn bytes_that_are_no_text_are_an_invalid_event() {
        let event = Event::new("shop", [0xff, 0xfe]);
        assert_eq!(event.text().unwrap_err().code(), Some("not-utf8"));
    }

    #[test]
    fn the_first_header_of_a_name_counts() {
        let event = Event::new("shop", "")
            .with_header("lang", "de")
            .with_header("lang", "en");
        assert_eq!(event.header("lang"), Some("de"));
        assert_eq!(event.header("Lang"), None);
    }
}
