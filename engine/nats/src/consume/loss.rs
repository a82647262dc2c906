//! What the input stream has lost of the pipeline's events, and whether it is still the stream that it was.

use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    manifest::{OnLoss, Start},
    observe::input::Loss,
    ports::broker::{InputError, SubscribeRequest},
    subject,
};

use super::{NatsSubscription, Rebuild};
use crate::{
    api::{self, code},
    stream_info::{StreamInfo, facts},
};

/// A message as the stream's leader holds it.
#[derive(Deserialize)]
struct Found {
    message: FoundMessage,
}

#[derive(Deserialize)]
struct FoundMessage {
    time: String,
}

impl FoundMessage {
    /// When the broker received it, as its deliveries say it.
    fn received_ms(&self) -> Option<u64> {
        let time = humantime::parse_rfc3339(&self.time).ok()?;
        u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }
}

impl NatsSubscription {
    /// Whether the stream is still the one whose sequences were committed.
    pub(super) fn check_stream(&mut self, info: &StreamInfo) -> Result<(), Rebuild> {
        let stream = self.request.stream.clone();
        let known = self.stream_created.get_or_insert_with(|| info.created.clone());
        let facts = facts(info);
        let next = self.next_sequence.unwrap_or(0);
        if *known != info.created {
            return Err(Rebuild::Never(InputError::Recreated(stream)));
        }
        if next > facts.last_sequence + 1 {
            return Err(Rebuild::Never(InputError::Restored(stream)));
        }
        // Where messages live until they are acknowledged, their going is no loss.
        let keeps_to_limits = info.config.retention == "limits";
        if self.request.keeps_newest {
            self.check_subjects(info);
            return Ok(());
        }
        let is_covered = info.config.is_covered_by(&self.request.subjects);
        self.sees_gaps = keeps_to_limits && is_covered && !info.config.keeps_the_last();
        if keeps_to_limits && next > 0 && facts.first_sequence > next {
            self.lost(next, facts.first_sequence - 1, is_covered)
                .map_err(Rebuild::Never)?;
            self.next_sequence = Some(facts.first_sequence);
        }
        self.check_subjects(info);
        if self.next_sequence.is_none() && self.request.start == Start::New {
            self.next_sequence = Some(facts.last_sequence + 1);
        }
        Ok(())
    }

    /// Whether the stream has the message that was read last, where it has one at that sequence: one that was restored
    /// from before and has grown since is of the same name and the same making, and holds others.
    pub(super) async fn check_witness(&self) -> Result<(), Rebuild> {
        let Some(witness) = self.witness else {
            return Ok(());
        };
        let stream = &self.request.stream;
        let asked = format!("STREAM.MSG.GET.{stream}");
        let found = self
            .broker
            .ask::<Found>(&asked, &json!({ "seq": witness.sequence }))
            .await;
        let found = match found {
            Err(cause) if api::is(&cause, code::NO_MESSAGE) => return Ok(()),
            found => found?,
        };
        match found.message.received_ms() {
            Some(received_ms) if received_ms != witness.received_ms => {
                tracing::warn!(
                    stream,
                    ?witness,
                    received_ms,
                    "the stream has another message where this one was read"
                );
                Err(Rebuild::Never(InputError::Recreated(stream.clone())))
            }
            _ => Ok(()),
        }
    }

    /// Events that are gone. Whether they were this pipeline's is certain where its subjects are all that the stream
    /// holds; otherwise nobody knows, and it goes on and says so.
    pub(super) fn lost(&self, from: u64, to: u64, is_certain: bool) -> Result<(), InputError> {
        let loss = Loss {
            from,
            to,
            events: to + 1 - from,
            is_certain,
        };
        let stream = self.request.stream.clone();
        let is_accepted = to <= self.request.accepted_loss;
        if is_certain && self.request.on_loss == OnLoss::Park && !is_accepted {
            return Err(InputError::Lost { stream, loss });
        }
        let SubscribeRequest { watch, .. } = &self.request;
        tracing::warn!(
            stream,
            from,
            to,
            is_certain,
            "the input stream dropped events before they were processed; the pipeline goes on"
        );
        watch.lose(loss);
        Ok(())
    }

    /// Whether the stream still takes the pipeline's subjects. It may have been changed since.
    pub(super) fn check_subjects(&self, info: &StreamInfo) {
        let held = info.config.may_hold();
        let is_reached = |filter: &String| held.iter().any(|held| subject::overlap(held, filter));
        let missing = self.request.subjects.iter().find(|filter| !is_reached(filter));
        let SubscribeRequest { stream, pipeline, .. } = &self.request;
        let otherwise = if self.request.keeps_newest {
            "name another stream in `tables`, and apply the manifest".to_owned()
        } else {
            let name = &pipeline.pipeline;
            format!("read another stream: tailrace pipeline resume {name} --stream STREAM --from first")
        };
        let trouble = missing.map(|filter| {
            let held = held.join(", ");
            format!(
                "stream {stream} does not take {filter:?} any more, only {held:?}; give it the subject back, or {otherwise}"
            )
        });
        match trouble {
            Some(trouble) => self.request.watch.trouble(trouble),
            None => self.request.watch.trouble_over(),
        }
    }

    /// Whether sequences that were left out have gone by the bounds of the stream, and not by somebody's hand.
    pub(super) async fn check_gap(&mut self) -> Result<(), InputError> {
        let Some((from, to)) = self.gap.take() else {
            return Ok(());
        };
        let asked = format!("STREAM.INFO.{}", self.request.stream);
        let info: StreamInfo = match self.broker.ask(&asked, &Value::Null).await {
            Ok(info) => info,
            Err(cause) => {
                tracing::debug!(%cause, from, to, "what became of left out sequences is not known yet");
                self.gap = Some((from, to));
                return Ok(());
            }
        };
        let gone = info.state.first_seq.min(to);
        if gone > from {
            self.lost(from, gone - 1, true)?;
        }
        Ok(())
    }
}
