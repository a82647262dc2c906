//! What the input stream has lost of the pipeline's events, and whether it is still the stream that it was.

use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    manifest::{OnLoss, Start},
    observe::input::Loss,
    ports::broker::{InputError, SubscribeRequest},
    subject,
    watermark::Witness,
};

use super::{LastStored, NatsSubscription, Rebuild};
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

/// When the broker received a message, as its deliveries say it.
pub(super) fn received_ms(time: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(time).ok()?;
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// What is left of a range of sequences without those that no message ever had: its ends, and how many are between.
fn without(from: u64, to: u64, unused: Option<(u64, u64)>) -> Option<(u64, u64, u64)> {
    let Some((first, last)) = unused.filter(|(first, last)| *first <= to && *last >= from) else {
        return Some((from, to, to + 1 - from));
    };
    let before = first.saturating_sub(from);
    let behind = to.saturating_sub(last);
    let from = if before > 0 { from } else { last + 1 };
    let to = if behind > 0 { to } else { first - 1 };
    (before + behind > 0).then_some((from, to, before + behind))
}

impl NatsSubscription {
    /// Notes how far the stream is. Somebody may purge it beyond its end: then it ends further behind, and nothing was
    /// stored since.
    pub(super) fn note_end(&mut self, info: &StreamInfo) {
        let state = &info.state;
        let known = self.stored.as_ref();
        let known = known
            .filter(|known| known.time == state.last_ts)
            .map(|known| known.sequence);
        // Of a stream that is empty, the message that was read last tells the same.
        let is_last = |witness: &Witness| {
            state.messages == 0 && received_ms(&state.last_ts) == Some(witness.received_ms)
        };
        let read = self.witness.filter(|_| self.stored.is_none()).filter(is_last);
        let known = known.or(read.map(|witness| witness.sequence));
        let sequence = known.unwrap_or(state.last_seq);
        if state.last_seq > sequence {
            self.unused = Some((sequence + 1, state.last_seq));
        }
        self.stored = Some(LastStored {
            sequence,
            time: state.last_ts.clone(),
        });
    }

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
        self.note_end(info);
        let is_certain = info.config.is_covered_by(&self.request.subjects) && !info.config.replaces();
        self.sees_gaps = keeps_to_limits && is_certain;
        if keeps_to_limits && next > 0 && facts.first_sequence > next {
            if !info.config.only_replaces() {
                self.lost(next, facts.first_sequence - 1, is_certain)
                    .map_err(Rebuild::Never)?;
            }
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
        match received_ms(&found.message.time) {
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
        let Some((from, to, events)) = without(from, to, self.unused) else {
            return Ok(());
        };
        let loss = Loss {
            from,
            to,
            events,
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

    /// Whether the stream still takes the pipeline's subjects. It may have been changed since, and so may those that it
    /// follows.
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
        let in_vain = info.followed_in_vain(&self.request.subjects);
        let in_vain = in_vain.first().map(|(origin, cause)| {
            format!(
                "stream {stream} gets nothing more from stream {origin}: {cause}; make {origin} again, or take it out of the settings of {stream}, or {otherwise}"
            )
        });
        let trouble = missing.map(|filter| {
            let held = held.join(", ");
            format!(
                "stream {stream} does not take {filter:?} any more, only {held:?}; give it the subject back, or {otherwise}"
            )
        });
        match trouble.or(in_vain) {
            Some(trouble) => self.request.watch.trouble(trouble),
            None => self.request.watch.trouble_over(),
        }
    }

    /// Whether sequences that were left out have gone by the bounds of the stream, and not by somebody's hand.
    pub(super) async fn check_gap(&mut self) -> Result<(), InputError> {
        let Some((from, to)) = self.gap else {
            return Ok(());
        };
        let asked = format!("STREAM.INFO.{}", self.request.stream);
        let info: StreamInfo = match self.broker.ask(&asked, &Value::Null).await {
            Ok(info) => info,
            Err(cause) => {
                tracing::debug!(%cause, from, to, "what became of left out sequences is not known yet");
                return Ok(());
            }
        };
        self.gap = None;
        let gone = info.state.first_seq.min(to);
        // Of a stream that drops nothing by itself, somebody purged them. Whether those held events that were not there at
        // the last look, nobody knows: a purge may go beyond the end of the stream.
        let known = self.stored.as_ref().map_or(0, |known| known.sequence);
        let certain = if info.config.is_bounded() {
            gone
        } else {
            gone.min(known + 1)
        };
        if certain > from {
            self.lost(from, certain - 1, true)?;
        }
        let from = from.max(certain);
        if gone > from {
            self.lost(from, gone - 1, false)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn sequences_that_no_message_had_are_not_lost() {
        let unused = Some((21, 999));
        assert_eq!(without(21, 999, unused), None);
        assert_eq!(without(15, 999, unused), Some((15, 20, 6)));
        assert_eq!(without(21, 1_004, unused), Some((1_000, 1_004, 5)));
        assert_eq!(without(15, 1_004, unused), Some((15, 1_004, 11)));
        assert_eq!(without(5, 9, unused), Some((5, 9, 5)));
        assert_eq!(without(5, 9, None), Some((5, 9, 5)));
    }
}
