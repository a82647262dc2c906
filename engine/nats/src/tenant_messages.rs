//! Messages that a tenant sends and reads by hand.

use std::{
    error::Error as _,
    future::IntoFuture as _,
    time::{Duration, UNIX_EPOCH},
};

use async_nats::{
    header::NATS_MESSAGE_ID,
    jetstream::{
        self,
        context::{PublishError, PublishErrorKind},
        message::StreamMessage,
    },
};
use async_trait::async_trait;
use futures::future::join_all;
use serde_json::json;
use tailrace_core::ports::{
    broker::{BrokerError, Incoming},
    messages::{MessagePage, Messages, NewMessage, ReadFrom, SendError, StoredAt},
};

use crate::{connect::NatsBroker, error::unreachable, headers};

#[async_trait]
impl Messages for NatsBroker {
    async fn send(&self, messages: Vec<NewMessage>) -> Vec<Result<StoredAt, SendError>> {
        let mut acks = Vec::with_capacity(messages.len());
        let jetstream = self.jetstream();
        // One after the other into the connection, so that a stream has them in this order.
        for message in messages {
            let mut headers = headers::to_broker(&message.headers);
            if let Some(id) = &message.id {
                headers.insert(NATS_MESSAGE_ID, id.as_str());
            }
            let sent = jetstream.publish_with_headers(message.subject, headers, message.payload);
            acks.push(sent.await);
        }
        let answers = acks.into_iter().map(|ack| async {
            let ack = ack.map_err(|cause| failed(&cause))?;
            let ack = ack.into_future().await.map_err(|cause| failed(&cause))?;
            Ok(StoredAt {
                stream: ack.stream,
                sequence: ack.sequence,
                duplicate: ack.duplicate,
            })
        });
        join_all(answers).await
    }

    async fn read(
        &self,
        stream: &str,
        pattern: &str,
        from: ReadFrom,
        limit: usize,
        bytes: usize,
    ) -> Result<MessagePage, BrokerError> {
        let mut request = json!({ "next_by_subj": pattern, "batch": limit, "max_bytes": bytes });
        match from {
            ReadFrom::Sequence(sequence) => request["seq"] = sequence.max(1).into(),
            ReadFrom::Time(ms) => {
                let time = UNIX_EPOCH + Duration::from_millis(ms);
                request["start_time"] = humantime::format_rfc3339_millis(time).to_string().into();
            }
        }
        let batch = self.direct_batch(stream, &request).await?;
        let batch = batch.ok_or_else(|| BrokerError::NoStream(stream.to_owned()))?;
        Ok(MessagePage {
            messages: batch.messages.into_iter().map(incoming).collect(),
            pending: batch.pending,
        })
    }
}

fn incoming(message: StreamMessage) -> Incoming {
    Incoming {
        sequence: message.sequence,
        received_ms: u64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        subject: message.subject.to_string(),
        headers: headers::to_engine(Some(&message.headers)),
        payload: message.payload,
        unreadable: None,
    }
}

fn failed(cause: &PublishError) -> SendError {
    if cause.kind() == PublishErrorKind::StreamNotFound {
        return SendError::Untaken;
    }
    let refused = cause
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>());
    SendError::Broker(refused.map_or_else(
        || unreachable(cause),
        |error| BrokerError::Refused {
            code: error.error_code().0,
            description: error.to_string(),
        },
    ))
}
