//! Messages that the client cannot read. The broker stores any bytes as headers, and subjects that are no UTF-8. Such a
//! delivery ends the connection, and with it whatever else goes over it, each time that it comes.
//!
//! So before a consumer is made anew, the message that it would give first is asked for by itself, in JSON, which can
//! always be read. Where the client could not read it, it is given from here, and the consumer begins behind it.

use std::str;

use async_nats::{HeaderName, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    manifest::Start,
    ports::broker::{BrokerError, Incoming},
};

use super::{NatsSubscription, loss::received_ms};
use crate::api::{self, code};

/// What stands for bytes that are no UTF-8.
const REPLACEMENT: char = '\u{fffd}';

/// A message as the API gives it.
#[derive(Deserialize)]
struct Stored {
    message: StoredMessage,
}

#[derive(Deserialize)]
struct StoredMessage {
    subject: String,
    seq: u64,
    time: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

impl NatsSubscription {
    /// The message that a consumer would give first, if the client could not read it.
    pub(super) async fn unreadable(&self) -> Result<Option<Incoming>, BrokerError> {
        let Some(begin) = self.begin() else {
            return Ok(None);
        };
        let mut first: Option<StoredMessage> = None;
        for filter in &self.request.subjects {
            let found = self.next_on(filter, begin.clone()).await?;
            first = first.into_iter().chain(found).min_by_key(|message| message.seq);
        }
        Ok(first.and_then(StoredMessage::unreadable))
    }

    /// A connection was lost. Where the next message is what ended it, the consumer is made anew at once; otherwise the
    /// client goes on by itself, and would not notice for two heartbeats.
    pub(super) async fn look_what_ended_the_connection(&mut self) {
        if let Ok(Some(found)) = self.unreadable().await {
            self.lose(&format!("message {} ended the connection", found.sequence));
        }
    }

    /// Where reading begins, as the API is asked for it; none where that is the end of the stream.
    fn begin(&self) -> Option<Value> {
        let from = |sequence: u64| Some(json!({ "seq": sequence.max(1) }));
        match (self.next_sequence, &self.request.start) {
            (Some(sequence), _) => from(sequence),
            (None, Start::Sequence(sequence)) => from(*sequence),
            (None, Start::All) => from(1),
            (None, Start::Time(time)) => Some(json!({ "start_time": time })),
            (None, Start::New) => None,
        }
    }

    async fn next_on(&self, filter: &str, begin: Value) -> Result<Option<StoredMessage>, BrokerError> {
        let asked = format!("STREAM.MSG.GET.{}", self.request.stream);
        let mut request = begin;
        request["next_by_subj"] = json!(filter);
        match self.broker.ask::<Stored>(&asked, &request).await {
            Ok(found) => Ok(Some(found.message)),
            Err(cause) if api::is(&cause, code::NO_MESSAGE) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Takes a message out of a work queue, where it would stay the first for ever. Elsewhere a consumer begins behind
    /// it.
    pub(super) async fn remove_unreadable(&mut self, low_water: u64) {
        let Some(sequence) = self.unreadable_in_queue.filter(|sequence| *sequence <= low_water) else {
            return;
        };
        let stream = &self.request.stream;
        let asked = format!("STREAM.MSG.DELETE.{stream}");
        let request = json!({ "seq": sequence, "no_erase": true });
        match self.broker.ask::<Value>(&asked, &request).await {
            Err(cause) if !api::is(&cause, code::NO_MESSAGE) => {
                self.request.watch.trouble(format!(
                    "message {sequence} of stream {stream} cannot be read, is a dead letter, and cannot be deleted ({cause}); delete it: nats stream rmm {stream} {sequence}"
                ));
            }
            _ => {
                self.unreadable_in_queue = None;
                self.request.watch.trouble_over();
            }
        }
    }
}

impl StoredMessage {
    /// As it goes on, if the client could not read it.
    fn unreadable(self) -> Option<Incoming> {
        let block = BASE64.decode(&self.hdrs).unwrap_or_default();
        let why = why_not(&self.subject, &block)?;
        Some(Incoming {
            sequence: self.seq,
            received_ms: received_ms(&self.time).unwrap_or(0),
            subject: self.subject,
            headers: Vec::new(),
            payload: BASE64.decode(&self.data).unwrap_or_default().into(),
            unreadable: Some(why),
        })
    }
}

/// Why the client cannot read a message with this subject and this block of headers; none where it can.
fn why_not(subject: &str, block: &[u8]) -> Option<String> {
    if subject.contains(REPLACEMENT) {
        return Some("its subject is not UTF-8".to_owned());
    }
    if subject.contains(char::is_whitespace) {
        return Some("its subject holds white space".to_owned());
    }
    if block.is_empty() {
        return None;
    }
    headers_read(block).err()
}

/// By the client's own rules.
fn headers_read(block: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(block).map_err(|_| "its headers are not UTF-8".to_owned())?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let Some(status) = first.strip_prefix("NATS/1.0") else {
        return Err(format!(
            "its headers begin with {first:?} instead of \"NATS/1.0\""
        ));
    };
    let status = status.split_whitespace().next().unwrap_or_default();
    if !status.is_empty() && status.parse::<StatusCode>().is_err() {
        return Err(format!("its headers have {status:?} for a status"));
    }
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("its header line {line:?} has no colon"));
        };
        if name.parse::<HeaderName>().is_err() {
            return Err(format!("{name:?} is no name of a header"));
        }
        let mut value = value.trim_start().to_owned();
        // A line that begins with white space goes on with the value before it.
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        if value.trim_end().contains('\r') {
            return Err(format!("its header {name} holds a carriage return in its value"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::why_not;

    #[test]
    fn what_the_client_cannot_read_is_known_by_its_reason() {
        for (subject, block, word) in [
            ("shop.a", &b"NATS/1.0\r\nX-K: caf\xe9\r\n\r\n"[..], "not UTF-8"),
            ("shop.a", b"NATS/1.0\r\nX-K\r\n\r\n", "no colon"),
            ("shop.a", b"NATS/1.0\r\nX-K : v\r\n\r\n", "no name"),
            ("shop.a", b"NATS/1.0\r\nX Y: v\r\n\r\n", "no name"),
            ("shop.a", "NATS/1.0\r\nKäse: v\r\n\r\n".as_bytes(), "no name"),
            ("shop.a", b"HTTP/1.1\r\nX: v\r\n\r\n", "instead of"),
            ("shop.a", b"NATS/1.0 wrong\r\n\r\n", "status"),
            ("shop.a", b"NATS/1.0\r\nX: a\rb\r\n\r\n", "carriage return"),
            (
                "shop.a",
                b"NATS/1.0\r\nX: a\r\r\n more\r\n\r\n",
                "carriage return",
            ),
            ("shop.\u{fffd}", b"", "subject is not UTF-8"),
            ("shop.\u{3000}a", b"", "white space"),
        ] {
            let why = why_not(subject, block).unwrap_or_default();
            assert!(why.contains(word), "{subject:?} {block:?}: {why:?}");
        }
        for block in [
            &b""[..],
            b"NATS/1.0\r\n\r\n",
            b"NATS/1.0 503 No Responders\r\n\r\n",
            b"NATS/1.0\r\nX: \ra\r\r\n\r\n",
            "NATS/1.0\r\nX-K: é: ü\r\n more\r\nY:\r\n\r\n".as_bytes(),
        ] {
            assert_eq!(why_not("shop.ä", block), None, "{block:?}");
        }
    }
}
