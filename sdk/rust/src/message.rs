//! Making messages and verdicts.

use serde::Serialize;

use crate::{Failure, Header, Message, Verdict};

/// Makes messages.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let message = Message::json(&json!({ "alarm": true }))
///     .unwrap()
///     .on("shop.alarms")
///     .with_key("ada")
///     .with_header("level", "high");
/// assert_eq!(message.payload, br#"{"alarm":true}"#);
/// ```
impl Message {
    /// Makes a message for the pipeline's output subject, with the event's key.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            subject: None,
            key: None,
            headers: Vec::new(),
            payload: payload.into(),
        }
    }

    /// Makes a message with a JSON payload. A value that JSON cannot hold fails with `unwritable-value`.
    pub fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let payload =
            serde_json::to_vec(value).map_err(|error| Failure::unwritable("the message", &error))?;
        Ok(Self::new(payload))
    }

    /// Returns the message on this subject.
    #[must_use]
    pub fn on(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Returns the message with this key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Returns the message with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header {
            name: name.into(),
            value: value.into(),
        });
        self
    }
}

impl From<Message> for Verdict {
    fn from(message: Message) -> Self {
        Self::Emit(vec![message])
    }
}

impl From<Vec<Message>> for Verdict {
    fn from(messages: Vec<Message>) -> Self {
        Self::Emit(messages)
    }
}

/// A message, or a list of messages, becomes a verdict with `into()`.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let verdict: Verdict = Message::new("hello").into();
/// assert_eq!(verdict.messages().len(), 1);
/// assert!(Verdict::Forward.messages().is_empty());
/// ```
impl Verdict {
    /// Returns the emitted messages. A forwarded or dropped event has none.
    pub fn messages(&self) -> &[Message] {
        match self {
            Self::Emit(messages) => messages,
            Self::Forward | Self::Drop => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::{Message, Verdict};

    #[test]
    fn a_message_goes_where_the_event_would_unless_it_says_otherwise() {
        let plain = Message::json(&[1, 2]).unwrap();
        assert_eq!((plain.subject.as_deref(), plain.key.as_deref()), (None, None));
        assert_eq!(plain.payload, b"[1,2]");
        let sent = plain.on("shop.alerts").with_key("7");
        assert_eq!(
            (sent.subject.as_deref(), sent.key.as_deref()),
            (Some("shop.alerts"), Some("7"))
        );
    }

    #[test]
    fn a_value_that_json_cannot_hold_is_a_failure() {
        let value = HashMap::from([((1, 2), 3)]);
        assert_eq!(
            Message::json(&value).unwrap_err().code(),
            Some("unwritable-value")
        );
    }

    #[test]
    fn only_an_emitting_verdict_has_messages() {
        assert_eq!(Verdict::from(Message::new("a")).messages().len(), 1);
        assert!(Verdict::Forward.messages().is_empty() && Verdict::Drop.messages().is_empty());
    }
}
