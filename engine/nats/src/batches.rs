//! What atomic batches have left in a pipeline's own stream. The broker keeps the id of the batch with each message, so
//! it is known which ones came with a commit record. Messages are asked for one by one, in JSON: somebody else may have
//! published some that no client can read.

use async_nats::header::NATS_BATCH_ID;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::json;
use tailrace_core::{
    carried::CarriedWatermark,
    event::Header,
    identity::PipelineId,
    ports::broker::{BatchOutput, BatchOutputs, BrokerError, StoredPart, Streams as _},
    subject,
};

use crate::{
    api::{self, code},
    connect::NatsBroker,
    error::unreachable,
    stream_info::StreamInfo,
};

#[derive(Deserialize)]
struct Told {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
}

impl NatsBroker {
    pub(crate) async fn outputs_of_batches(
        &self,
        pipeline: &PipelineId,
        after: u64,
        most: usize,
    ) -> Result<BatchOutputs, BrokerError> {
        let leader = format!("STREAM.MSG.GET.{}", subject::stream_name(pipeline));
        let commits = subject::commit_pattern(pipeline);
        let mut found = BatchOutputs::default();
        for _ in 0..most {
            let next = found.read_to.unwrap_or(after) + 1;
            let request = json!({ "seq": next, "next_by_subj": ">" });
            let message = match self.ask::<Told>(&leader, &request).await {
                Ok(Told { message }) => message,
                Err(cause) if api::is(&cause, code::NO_MESSAGE) => break,
                Err(cause) => return Err(cause),
            };
            found.read_to = Some(message.seq);
            if !subject::covers(&commits, &message.subject) {
                found.outputs.extend(output(&message));
            }
        }
        Ok(found)
    }

    /// Each partition's last record from the leader, where nobody answers for all of them at one moment. If one was
    /// stored since the stream was looked at, the two do not fit together.
    pub(crate) async fn last_records(
        &self,
        pipeline: &PipelineId,
        info: &StreamInfo,
    ) -> Result<Vec<StoredPart>, BrokerError> {
        let stream = subject::stream_name(pipeline);
        let commits = subject::commit_pattern(pipeline);
        let mut records = Vec::new();
        let subjects = info.state.subjects.iter().flatten().map(|(subject, _)| subject);
        for commit in subjects.filter(|subject| subject::covers(&commits, subject)) {
            records.extend(self.last_of(&stream, commit).await?);
        }
        if records.iter().any(|record| record.sequence > info.state.last_seq) {
            return Err(unreachable(&"a commit was stored while its records were read"));
        }
        Ok(records)
    }

    /// Whether a stream has given this sequence, and does not hold its message any more.
    pub(crate) async fn has_lost(&self, stream: &str, sequence: u64) -> Result<bool, BrokerError> {
        if self
            .ask_leader(stream, &json!({ "seq": sequence }))
            .await?
            .is_some()
        {
            return Ok(false);
        }
        Ok(self.stream(stream).await?.last_sequence >= sequence)
    }

    /// How many messages a stream holds on one subject.
    pub(crate) async fn count_on(&self, stream: &str, subject: &str) -> Result<u64, BrokerError> {
        let request = json!({ "subjects_filter": subject });
        let info: StreamInfo = self.ask(&format!("STREAM.INFO.{stream}"), &request).await?;
        Ok(info.state.subjects.iter().flatten().map(|(_, count)| count).sum())
    }
}

/// The message, if an atomic batch has brought it.
fn output(message: &Message) -> Option<BatchOutput> {
    let headers = base64::engine::general_purpose::STANDARD.decode(&message.hdrs);
    let headers = String::from_utf8_lossy(&headers.ok()?).into_owned();
    let headers: Vec<Header> = headers.lines().filter_map(header).collect();
    let batch = NATS_BATCH_ID.to_string();
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(&batch))?;
    Some(BatchOutput {
        sequence: message.seq,
        partition: CarriedWatermark::of(&headers).map(|carried| carried.partition),
    })
}

fn header(line: &str) -> Option<Header> {
    let (name, value) = line.split_once(':')?;
    Some(Header {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &str) -> Message {
        Message {
            subject: "out.a".to_owned(),
            seq: 7,
            hdrs: base64::engine::general_purpose::STANDARD.encode(headers),
        }
    }

    #[test]
    fn a_message_of_a_batch_is_known_with_its_partition() {
        let of_a_batch =
            "NATS/1.0\r\nNats-Batch-Id: x\r\nNats-Batch-Sequence: 1\r\nTr-Watermark: 5 2/4\r\n\r\n";
        let found = output(&message(of_a_batch)).unwrap();
        assert_eq!((found.sequence, found.partition), (7, Some(2)));
        let without_a_time = output(&message("NATS/1.0\r\nNats-Batch-Id: x\r\n\r\n")).unwrap();
        assert_eq!(without_a_time.partition, None);
        for alone in ["NATS/1.0\r\nTr-Watermark: 5 2/4\r\n\r\n", "", "\u{0}\u{1}"] {
            assert_eq!(output(&message(alone)), None, "{alone:?}");
        }
    }
}
