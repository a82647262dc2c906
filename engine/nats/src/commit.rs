//! The commit: one atomic batch publish (ADR-50) with the fence on the first part of the record; a record
//! that is the only message is published by itself, with the same fence.
//!
//! Every message of a batch bears the batch's id and its own number; the last bears the commit mark, and only
//! its answer counts. The server drops a batch that is not completed, so whatever fails before that
//! last message has stored nothing. When no answer comes, nothing is known: [`CommitError::Unknown`].
//!
//! Why: docs/decisions/0008-one-fenced-atomic-batch.md

use async_nats::{
    Client, HeaderMap, HeaderValue,
    client::RequestErrorKind,
    header::{
        NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
        NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID, NATS_MESSAGE_TTL,
    },
    jetstream::message::StreamMessage,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    manifest::Delivery,
    ports::broker::{
        BatchOutputs, BrokerCounts, BrokerError, CommitBatch, CommitError, CommitLog, Output, StoredPart,
    },
    subject,
};

use crate::{
    api::{self, code},
    connect::NatsBroker,
    error::unreachable,
    headers,
    stream_info::StreamInfo,
};

/// The subject of which a last sequence is expected, where it is not the message's own.
const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

#[derive(Deserialize)]
struct Stored {
    seq: u64,
}

impl NatsBroker {
    async fn publish_batch(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        if let ([], [record]) = (&*batch.outputs, &*batch.record) {
            return self.publish_alone(batch, record).await;
        }
        let _turn = self
            .batches
            .acquire()
            .await
            .map_err(|closed| CommitError::Unknown(closed.to_string()))?;
        // One client for the whole of it: what another sends is no part of this batch.
        let client = self.client();
        let id = HeaderValue::from(client.new_inbox());
        let record_subject = subject::commit_subject(&batch.partition);
        let total = batch.outputs.len() + batch.record.len();
        let mut number = 0;
        let mut numbered = |mut headers: HeaderMap| {
            number += 1;
            headers.insert(NATS_BATCH_ID, id.clone());
            headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(number));
            if number == total {
                headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            }
            headers
        };
        for output in &batch.outputs {
            let headers = numbered(output_headers(output));
            self.send(&client, &output.subject, headers, output.payload.clone())
                .await?;
        }
        for (index, part) in batch.record.iter().enumerate() {
            let headers = numbered(record_headers(index, batch.expected));
            if index + 1 == batch.record.len() {
                return self
                    .store(&client, &record_subject, headers, part.clone(), batch.expected)
                    .await;
            }
            self.send(&client, &record_subject, headers, part.clone()).await?;
        }
        Err(CommitError::Refused {
            code: 0,
            description: "a commit without a record".to_owned(),
        })
    }

    /// A record alone is stored or not as it is. For every atomic batch the server makes a file store and
    /// deletes it, which costs it 1.5 ms and more (see *Commits and the broker* in docs/benchmarks.md).
    async fn publish_alone(&self, batch: &CommitBatch, record: &bytes::Bytes) -> Result<u64, CommitError> {
        let subject = subject::commit_subject(&batch.partition);
        let headers = record_headers(0, batch.expected);
        self.store(&self.client(), &subject, headers, record.clone(), batch.expected)
            .await
    }

    async fn send(
        &self,
        client: &Client,
        subject: &str,
        headers: HeaderMap,
        payload: bytes::Bytes,
    ) -> Result<(), CommitError> {
        let sent = client
            .publish_with_headers(subject.to_owned(), headers, payload)
            .await;
        sent.map_err(|cause| match cause.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => self.too_large(),
            _ => CommitError::Unknown(cause.to_string()),
        })
    }

    /// Sends the message whose answer decides.
    async fn store(
        &self,
        client: &Client,
        subject: &str,
        headers: HeaderMap,
        payload: bytes::Bytes,
        expected: u64,
    ) -> Result<u64, CommitError> {
        let asked = client.request_with_headers(subject.to_owned(), headers, payload);
        let answer = self.while_connected(asked).await;
        let lost = || CommitError::Unknown("the connection was lost before the answer".to_owned());
        let answer = answer.ok_or_else(lost)?.map_err(|cause| match cause.kind() {
            RequestErrorKind::MaxPayloadExceeded => self.too_large(),
            RequestErrorKind::NoResponders => CommitError::Untaken,
            _ => CommitError::Unknown(cause.to_string()),
        })?;
        match api::parse::<Stored>(&answer.payload) {
            Ok(stored) => Ok(stored.seq),
            Err(BrokerError::Refused { code, description }) => Err(refused(code, description, expected)),
            Err(cause) => Err(CommitError::Unknown(cause.to_string())),
        }
    }

    /// Without an atomic batch: outputs with their identifiers first, the record when all are stored. The first output is
    /// fenced, so an engine that was stopped and wakes up sends none for a partition that others have now.
    async fn publish_separately(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        let unknown = |cause: &dyn std::fmt::Display| CommitError::Unknown(cause.to_string());
        let mut acks = Vec::with_capacity(batch.outputs.len());
        let with_id = |output: &Output| {
            let mut headers = output_headers(output);
            if let Some(id) = &output.id {
                headers.insert(NATS_MESSAGE_ID, id.as_str());
            }
            headers
        };
        let mut outputs = batch.outputs.iter();
        if let Some(first) = outputs.next() {
            self.publish_fenced(&batch.partition, batch.expected, (first, with_id(first)))
                .await?;
        }
        for output in outputs {
            let headers = with_id(output);
            let ack = self
                .jetstream()
                .publish_with_headers(output.subject.clone(), headers, output.payload.clone())
                .await;
            acks.push(ack.map_err(|cause| unknown(&cause))?.into_future());
        }
        try_join_all(acks).await.map_err(|cause| unknown(&cause))?;
        let only_record = CommitBatch {
            partition: batch.partition.clone(),
            delivery: batch.delivery,
            outputs: Vec::new(),
            record: batch.record.clone(),
            expected: batch.expected,
        };
        self.publish_batch(&only_record).await
    }

    /// Publishes one output where the partition's last commit is the expected one, and waits for the answer. What follows
    /// it is not fenced: with replicas, the broker takes one such message of a partition at a time.
    async fn publish_fenced(
        &self,
        partition: &PartitionId,
        expected: u64,
        (output, mut headers): (&Output, HeaderMap),
    ) -> Result<(), CommitError> {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
        headers.insert(EXPECTED_SUBJECT, subject::commit_subject(partition).as_str());
        self.store(
            &self.client(),
            &output.subject,
            headers,
            output.payload.clone(),
            expected,
        )
        .await
        .map(drop)
    }

    fn too_large(&self) -> CommitError {
        CommitError::TooLarge {
            max_payload: self.client().max_payload(),
        }
    }
}

fn part(message: StreamMessage) -> StoredPart {
    StoredPart {
        sequence: message.sequence,
        payload: message.payload,
    }
}

fn refused(code: u64, description: String, expected: u64) -> CommitError {
    match code {
        code::WRONG_LAST_SEQUENCE | code::WRONG_LAST_SEQUENCE_CONSTANT => CommitError::Fenced { expected },
        // An identifier that is known says that this batch, or part of it, may be stored already.
        code::DUPLICATE_IN_BATCH => CommitError::Unknown(description),
        code::NO_RESOURCES | code::NO_STORAGE | code::INCOMPLETE_BATCH => {
            CommitError::NoRoom { code, description }
        }
        code => CommitError::Refused { code, description },
    }
}

fn output_headers(output: &Output) -> HeaderMap {
    let mut headers = headers::to_broker(&output.headers);
    if let Some(keep) = output.keep {
        headers.insert(NATS_MESSAGE_TTL, HeaderValue::from(keep.as_secs().max(1)));
    }
    headers
}

fn record_headers(part: usize, expected: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if part == 0 {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
    }
    headers
}

#[async_trait]
impl CommitLog for NatsBroker {
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        match batch.delivery {
            Delivery::ExactlyOnce => self.publish_batch(batch).await,
            Delivery::AtLeastOnce | Delivery::AtMostOnce => self.publish_separately(batch).await,
        }
    }

    async fn publish_unconfirmed(
        &self,
        partition: &PartitionId,
        expected: u64,
        outputs: &[Output],
    ) -> Result<(), CommitError> {
        let lost = |cause: &dyn std::fmt::Display| {
            tracing::warn!(%cause, "an output of at-most-once delivery was not sent");
        };
        let Some((first, outputs)) = outputs.split_first() else {
            return Ok(());
        };
        match self
            .publish_fenced(partition, expected, (first, output_headers(first)))
            .await
        {
            Err(fenced @ CommitError::Fenced { .. }) => return Err(fenced),
            Err(cause) => lost(&cause),
            Ok(()) => {}
        }
        let client = self.client();
        for output in outputs {
            let headers = output_headers(output);
            let sent = client
                .publish_with_headers(output.subject.clone(), headers, output.payload.clone())
                .await;
            if let Err(cause) = sent {
                lost(&cause);
            }
        }
        Ok(())
    }

    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        let stream = subject::stream_name(&partition.pipeline);
        let last = self.last_of(&stream, &subject::commit_subject(partition)).await;
        last.map_err(|cause| {
            if api::is(&cause, code::STREAM_NOT_FOUND) {
                BrokerError::NoStream(stream)
            } else {
                cause
            }
        })
    }

    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError> {
        let stream = subject::stream_name(&partition.pipeline);
        let subject = subject::commit_subject(partition);
        self.read_after(&stream, &subject, sequence, limit)
            .await
            .map(|messages| messages.into_iter().map(part).collect())
    }

    async fn books(&self, pipeline: &PipelineId) -> Result<BrokerCounts, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let request = json!({ "subjects_filter": subject::own_pattern(pipeline) });
        let info: StreamInfo = self.ask(&format!("STREAM.INFO.{stream}"), &request).await?;
        let redrive = subject::redrive_patterns(pipeline);
        let is_redrive = |subject: &str| redrive.iter().any(|pattern| subject::covers(pattern, subject));
        let subjects = info.state.subjects.iter().flatten();
        let redriven = subjects
            .filter(|(subject, _)| is_redrive(subject))
            .map(|(_, count)| *count)
            .sum();
        let mut books = BrokerCounts {
            stored: info.stored(),
            redriven,
            records: Vec::new(),
        };
        if books.stored > 0 {
            // A batch lies in one piece, so each record up to the last sequence has its outputs there.
            let commits = subject::commit_pattern(pipeline);
            let request = json!({ "multi_last": [commits], "up_to_seq": info.state.last_seq });
            books.records = match self.direct_batch(&stream, &request).await? {
                Some(batch) => batch.messages.into_iter().map(part).collect(),
                None => self.last_records(pipeline, &info).await?,
            };
        }
        Ok(books)
    }

    async fn begin(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError> {
        let batch = CommitBatch {
            partition: partition.clone(),
            delivery: Delivery::ExactlyOnce,
            outputs: Vec::new(),
            record: vec![record],
            expected: 0,
        };
        match self.publish_batch(&batch).await {
            Ok(sequence) => Ok(sequence),
            Err(CommitError::Fenced { .. }) => {
                let last = self.last(partition).await?;
                last.map(|part| part.sequence)
                    .ok_or_else(|| unreachable(&"the commit subject was empty and is not"))
            }
            Err(CommitError::Refused { code, description } | CommitError::NoRoom { code, description }) => {
                Err(BrokerError::Refused { code, description })
            }
            Err(cause @ CommitError::TooLarge { .. }) => Err(BrokerError::Refused {
                code: 0,
                description: cause.to_string(),
            }),
            Err(CommitError::Unknown(cause)) => Err(BrokerError::Unreachable(cause)),
            Err(cause @ CommitError::Untaken) => Err(BrokerError::Unreachable(cause.to_string())),
        }
    }

    async fn batch_outputs(
        &self,
        pipeline: &PipelineId,
        after: u64,
        most: usize,
    ) -> Result<BatchOutputs, BrokerError> {
        self.outputs_of_batches(pipeline, after, most).await
    }

    async fn is_gone(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError> {
        self.has_lost(&subject::stream_name(pipeline), sequence).await
    }

    async fn count_records(&self, partition: &PartitionId) -> Result<u64, BrokerError> {
        let stream = subject::stream_name(&partition.pipeline);
        self.count_on(&stream, &subject::commit_subject(partition)).await
    }

    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError> {
        let stream = subject::stream_name(&partition.pipeline);
        let request = json!({ "filter": subject::commit_subject(partition), "seq": sequence });
        self.ask::<serde_json::Value>(&format!("STREAM.PURGE.{stream}"), &request)
            .await
            .map(drop)
    }
}
