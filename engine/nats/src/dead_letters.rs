//! Dead letters: messages of the pipeline's own stream, on a subject of their own.

use async_nats::{
    HeaderValue,
    header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::{context::PublishErrorKind, message::StreamMessage},
};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tailrace_core::{
    failpoint::{self, Point},
    identity::PipelineId,
    ports::broker::{BrokerError, DeadLetters, StoredDeadLetter},
    state_deletion::is_order,
    subject,
};

use crate::{
    api::{self, code},
    connect::NatsBroker,
    error::{failed, unreachable},
    headers,
    stream_info::StreamInfo,
};

fn letter(message: StreamMessage) -> StoredDeadLetter {
    StoredDeadLetter {
        sequence: message.sequence,
        stored_ms: u64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
        headers: headers::to_engine(Some(&message.headers))
            .into_iter()
            .filter(|header| !header.name.starts_with("Nats-"))
            .collect(),
        payload: message.payload,
    }
}

#[async_trait]
impl DeadLetters for NatsBroker {
    async fn list(
        &self,
        pipeline: &PipelineId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredDeadLetter>, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let messages = self
            .read_after(&stream, &subject::dead_subject(pipeline), after, limit)
            .await?;
        Ok(messages.into_iter().map(letter).collect())
    }

    async fn get(
        &self,
        pipeline: &PipelineId,
        sequence: u64,
    ) -> Result<Option<StoredDeadLetter>, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let dead = subject::dead_subject(pipeline);
        let found = self
            .read_after(&stream, &dead, sequence.saturating_sub(1), 1)
            .await?;
        Ok(found
            .into_iter()
            .find(|message| message.sequence == sequence)
            .map(letter))
    }

    async fn redrive(&self, pipeline: &PipelineId, letter: &StoredDeadLetter) -> Result<bool, BrokerError> {
        let mut headers = headers::to_broker(&letter.headers);
        // The letter's own subject holds nothing yet, or it was sent before, and only the deletion was cut off.
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(0));
        let subject = subject::redrive_subject(pipeline, letter.sequence);
        let ack = self
            .jetstream()
            .publish_with_headers(subject, headers, letter.payload.clone())
            .await;
        let is_sent = match ack.map_err(|cause| unreachable(&cause))?.await {
            Ok(_) => true,
            Err(cause) if cause.kind() == PublishErrorKind::WrongLastSequence => false,
            Err(cause) => return Err(failed(&cause, &subject::stream_name(pipeline))),
        };
        failpoint::pass(Point::RedriveSent);
        let stream = subject::stream_name(pipeline);
        let gone = self
            .ask::<Value>(
                &format!("STREAM.MSG.DELETE.{stream}"),
                &json!({ "seq": letter.sequence }),
            )
            .await;
        match gone {
            Err(cause) if api::is(&cause, code::NO_MESSAGE) => Ok(is_sent),
            // Somebody who sent it at the same moment may have been faster.
            Err(cause) => match self.get(pipeline, letter.sequence).await? {
                Some(_) => Err(cause),
                None => Ok(is_sent),
            },
            Ok(_) => Ok(is_sent),
        }
    }

    async fn order(&self, pipeline: &PipelineId, token: &str, order: Bytes) -> Result<u64, BrokerError> {
        let subject = subject::order_subject(pipeline, token);
        let ack = self.jetstream().publish(subject, order).await;
        let ack = ack.map_err(|cause| unreachable(&cause))?.await;
        Ok(ack
            .map_err(|cause| failed(&cause, &subject::stream_name(pipeline)))?
            .sequence)
    }

    async fn is_order(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let orders = subject::order_subject(pipeline, "*");
        let before = sequence.saturating_sub(1);
        // From the leader: a replica may not have it yet.
        let found = self.read_one_by_one(&stream, &orders, before, 1).await?;
        let is_it = |message: &StreamMessage| message.sequence == sequence && is_order(&message.subject);
        Ok(found.iter().any(is_it))
    }

    async fn count(&self, pipeline: &PipelineId) -> Result<u64, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let request = json!({ "subjects_filter": subject::dead_subject(pipeline) });
        let info: StreamInfo = self.ask(&format!("STREAM.INFO.{stream}"), &request).await?;
        Ok(info
            .state
            .subjects
            .into_iter()
            .flatten()
            .map(|(_, count)| count)
            .sum())
    }
}
