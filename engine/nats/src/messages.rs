//! Messages that a stream holds: one of them from its leader, or many at once by direct gets.
//!
//! A direct get may be answered by a replica that lags behind the leader, and nobody answers it where the
//! stream does not allow it, or where the replica that was picked is cut off. The leader knows everything that was
//! stored, but each message is a request. So many messages are asked for by direct gets first, and of the leader
//! where these go unanswered.

use async_nats::{
    HeaderMap,
    jetstream::{message::StreamMessage, stream},
};
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::ports::broker::{BrokerError, StoredPart};

use crate::{
    api::{self, code},
    connect::NatsBroker,
    error::unreachable,
    silence,
};

/// In the end of a batch: how many messages come after it.
const PENDING: &str = "Nats-Num-Pending";

#[derive(Deserialize)]
struct StoredMessage {
    message: RawMessage,
}

/// A message with all that it bears.
#[derive(Deserialize)]
struct WholeMessage {
    message: stream::RawMessage,
}

#[derive(Deserialize)]
struct RawMessage {
    seq: u64,
    #[serde(default)]
    data: String,
}

/// The answer to a direct get.
pub(crate) struct Batch {
    pub(crate) messages: Vec<StreamMessage>,
    /// Messages that the question names and that come after these.
    pub(crate) pending: u64,
}

impl NatsBroker {
    /// The last message of a subject, from the stream's leader.
    pub(crate) async fn last_of(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<StoredPart>, BrokerError> {
        self.ask_leader(stream, &json!({ "last_by_subj": subject })).await
    }

    /// One message, from the stream's leader.
    pub(crate) async fn ask_leader(
        &self,
        stream: &str,
        request: &Value,
    ) -> Result<Option<StoredPart>, BrokerError> {
        match self
            .ask::<StoredMessage>(&format!("STREAM.MSG.GET.{stream}"), request)
            .await
        {
            Ok(StoredMessage { message }) => {
                let payload = decode_base64(&message.data)
                    .ok_or_else(|| unreachable(&"a message of its answer is not base64"))?;
                Ok(Some(StoredPart {
                    sequence: message.seq,
                    payload: payload.into(),
                }))
            }
            Err(cause) if api::is(&cause, code::NO_MESSAGE) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Messages of a subject after a sequence, in order, at most `limit`.
    pub(crate) async fn read_after(
        &self,
        stream: &str,
        subject: &str,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StreamMessage>, BrokerError> {
        let request = json!({ "seq": sequence + 1, "next_by_subj": subject, "batch": limit });
        match self.direct_batch(stream, &request).await? {
            Some(batch) => Ok(batch.messages),
            None => self.read_one_by_one(stream, subject, sequence, limit).await,
        }
    }

    /// The same from the leader, a request a message.
    pub(crate) async fn read_one_by_one(
        &self,
        stream: &str,
        subject: &str,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StreamMessage>, BrokerError> {
        let leader = format!("STREAM.MSG.GET.{stream}");
        let mut messages = Vec::new();
        let mut next = sequence + 1;
        while messages.len() < limit {
            let request = json!({ "seq": next, "next_by_subj": subject });
            let message = match self.ask::<WholeMessage>(&leader, &request).await {
                Ok(WholeMessage { message }) => StreamMessage::try_from(message),
                Err(cause) if api::is(&cause, code::NO_MESSAGE) => break,
                Err(cause) => return Err(cause),
            };
            let message = message.map_err(|cause| unreachable(&cause))?;
            next = message.sequence + 1;
            messages.push(message);
        }
        Ok(messages)
    }

    /// A direct get that answers with several messages; none where nobody answers it, or did just now.
    pub(crate) async fn direct_batch(
        &self,
        stream: &str,
        request: &Value,
    ) -> Result<Option<Batch>, BrokerError> {
        if self.silence.lasts() {
            return Ok(None);
        }
        let within = self.options.request_timeout.min(silence::ANSWERS_WITHIN);
        let inbox = self.client().new_inbox();
        let mut answers = self
            .client()
            .subscribe(inbox.clone())
            .await
            .map_err(|cause| unreachable(&cause))?;
        let asked = self
            .client()
            .publish_with_reply(
                format!("$JS.API.DIRECT.GET.{stream}"),
                inbox,
                request.to_string().into(),
            )
            .await;
        asked.map_err(|cause| unreachable(&cause))?;
        let mut messages = Vec::new();
        loop {
            let Ok(answer) = tokio::time::timeout(within, answers.next()).await else {
                tracing::info!(stream, "a direct get went unanswered; the leader is asked");
                self.silence.begins();
                return Ok(None);
            };
            let answer = answer.ok_or_else(|| unreachable(&"the connection ended"))?;
            match answer.status.map(|status| status.as_u16()) {
                // End of batch, or nothing there.
                Some(204 | 404) => {
                    let pending = pending(answer.headers.as_ref());
                    return Ok(Some(Batch { messages, pending }));
                }
                Some(503) => return Ok(None),
                Some(status) => return Err(unreachable(&format!("a direct get answered {status}"))),
                None => {}
            }
            let message = StreamMessage::try_from(answer).map_err(|cause| unreachable(&cause))?;
            messages.push(message);
        }
    }
}

/// What the end of a batch says that comes after it; nothing where it says nothing.
fn pending(headers: Option<&HeaderMap>) -> u64 {
    let pending = headers.and_then(|headers| headers.get(PENDING));
    pending.map_or(0, |pending| pending.as_str().parse().unwrap_or(0))
}

/// Standard base64 with padding, as JetStream's JSON answers carry payloads.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_batch_says_what_comes_after_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(pending(Some(&headers)), 0);
        headers.insert(PENDING, "7");
        assert_eq!(pending(Some(&headers)), 7);
        assert_eq!(pending(None), 0);
    }
}
