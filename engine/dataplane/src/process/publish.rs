//! What comes out of the steps, on its way into the batch: with the headers that are handed on, within
//! the caps, under the name that it has at every try.

use bytes::Bytes;
use tailrace_core::{
    carried::CarriedWatermark,
    codes::LetterCode,
    event::{Event, Header, Message},
    headers::{check_headers, headers_bytes},
    manifest::Delivery,
    outcome::Outcome,
    ports::broker::Output,
    trace,
};

use crate::{
    message::{hops, outgoing::MAX_SUBJECT_BYTES},
    observe::spans::EventSpans,
    plan::{About, Plan, Written},
    process::{HEADER_ROOM, halt::Halt, processor::Processor, walk::Walk},
    windows::plan::Leaving,
};

/// Most messages that one event may cause, over all steps: a batch must be able to hold it.
const MAX_EVENT_MESSAGES: usize = 900;

impl Processor {
    pub(super) fn emit(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        event: &Event,
        messages: Vec<Message>,
    ) -> Result<(), Halt> {
        let last = index + 1 == self.plan.steps.len();
        walk.emitted = true;
        for message in messages {
            let key = message.key.unwrap_or_else(|| event.key.clone());
            if last {
                let leaving = Leaving {
                    key: &event.key,
                    time_ms: event.time_ms,
                    subject: message.subject.as_deref().unwrap_or(&event.subject),
                    headers: &message.headers,
                    payload: &message.payload,
                };
                if !self.leave(walk, leaving)? {
                    continue;
                }
                self.publish(walk, message.subject, &key, message.headers, message.payload)?;
            } else {
                let subject = message.subject.unwrap_or_else(|| event.subject.clone());
                let Message { headers, payload, .. } = message;
                let next = Event {
                    subject,
                    key,
                    headers,
                    payload,
                    ..*event
                };
                self.step(walk, index + 1, &next)?;
            }
        }
        Ok(())
    }

    pub(super) fn publish_forwarded(&mut self, walk: &mut Walk<'_>, event: &Event) -> Result<(), Halt> {
        if self.row_again(walk, event)? {
            return Ok(());
        }
        let leaving = Leaving {
            key: &event.key,
            time_ms: event.time_ms,
            subject: &event.subject,
            headers: &event.headers,
            payload: &event.payload,
        };
        if !self.leave(walk, leaving)? {
            return Ok(());
        }
        self.publish(
            walk,
            None,
            &event.key,
            event.headers.clone(),
            event.payload.clone(),
        )
    }

    /// What leaves the last step goes into windows and joins. Says whether it goes on.
    fn leave(&mut self, walk: &mut Walk<'_>, leaving: Leaving<'_>) -> Result<bool, Halt> {
        if !self.fold(walk, leaving)? {
            return Ok(false);
        }
        self.pair(walk, leaving)?;
        Ok(true)
    }

    fn publish(
        &mut self,
        walk: &mut Walk<'_>,
        subject: Option<String>,
        key: &str,
        mut headers: Vec<Header>,
        payload: Bytes,
    ) -> Result<(), Halt> {
        let reached = if walk.emitted {
            Outcome::Emitted
        } else {
            Outcome::Forwarded
        };
        walk.outcome = walk.outcome.max(reached);
        let plan = self.plan.clone();
        let output = plan.manifest.output.as_ref();
        let Some(output) = output.filter(|_| plan.publishes_events()) else {
            return Ok(());
        };
        let ours = walk.spans.as_ref().map(EventSpans::context);
        trace::hand_on(&walk.arrival.event.headers, ours, &mut headers);
        hops::hand_on(&walk.arrival.event.headers, &mut headers);
        let name = plan.names_messages().then(|| walk.message_name());
        let about = About {
            name: name.as_deref().unwrap_or_default(),
            time_ms: walk.arrival.event.time_ms,
            key,
            result: None,
            is_the_event: !walk.emitted && walk.arrival.timer.is_none(),
        };
        let written = plan.written(about, headers, payload);
        let Written { mut headers, payload } =
            written.map_err(|(code, reason)| Halt::TooMuch { code, reason })?;
        self.carry(&mut headers);
        let subject = subject.unwrap_or_else(|| output.subject_for(key));
        self.check_fits(&subject, &headers, &payload)?;
        self.stats.counts.outcomes.outputs += 1;
        self.stats.counts.bytes_out += payload.len() as u64;
        let keep = output.keep.age.map(|age| age.0);
        let id = self.next_id(walk)?;
        self.effects.publish(Output {
            subject,
            headers,
            payload,
            id,
            keep,
        });
        Ok(())
    }

    /// A message says how far this partition was, for pipelines that read it.
    pub(crate) fn carry(&self, headers: &mut Vec<Header>) {
        headers.retain(|header| !CarriedWatermark::is_header(header));
        if self.watermark_ms > 0 {
            let carried = CarriedWatermark {
                watermark_ms: self.watermark_ms,
                partition: self.partition,
                partitions: self.plan.manifest.partitions,
            };
            headers.push(carried.to_header());
        }
    }

    /// Whether the broker takes a message.
    pub(crate) fn check_fits(
        &mut self,
        subject: &str,
        headers: &[Header],
        payload: &Bytes,
    ) -> Result<(), Halt> {
        let too_large = |reason: String| Halt::TooMuch {
            code: LetterCode::TooLarge,
            reason,
        };
        check_headers(headers).map_err(too_large)?;
        let size = payload.len() + headers_bytes(headers);
        let limit = self.max_message_bytes.saturating_sub(HEADER_ROOM);
        if size > limit {
            self.met_the_limit = true;
            return Err(too_large(format!(
                "a message of {size} bytes is too large: the broker's max_payload leaves room for {limit}"
            )));
        }
        let (bytes, most) = (subject.len(), MAX_SUBJECT_BYTES);
        if bytes > most {
            return Err(too_large(format!(
                "with the event's key, output.subject has {bytes} bytes; at most {most} are taken"
            )));
        }
        Ok(())
    }

    /// The name of the next message, within the cap, where the broker is to know it by one.
    fn next_id(&self, walk: &mut Walk<'_>) -> Result<Option<String>, Halt> {
        if walk.messages >= MAX_EVENT_MESSAGES {
            return Err(too_many_messages());
        }
        Ok(self.name_message(walk, ""))
    }

    /// Names a message, and counts it. An atomic batch is stored once, and its messages need no names.
    pub(super) fn name_message(&self, walk: &mut Walk<'_>, kind: &str) -> Option<String> {
        let Plan {
            pipeline, manifest, ..
        } = &*self.plan;
        let is_named = manifest.delivery != Delivery::ExactlyOnce;
        let id = is_named.then(|| format!("{pipeline}:{kind}{}", walk.message_name()));
        walk.messages += 1;
        id
    }
}

/// Counts messages that are named otherwise, within the cap.
pub(crate) fn count_messages(walk: &mut Walk<'_>, more: usize) -> Result<(), Halt> {
    walk.messages += more;
    if walk.messages > MAX_EVENT_MESSAGES {
        return Err(too_many_messages());
    }
    Ok(())
}

fn too_many_messages() -> Halt {
    Halt::TooMuch {
        code: LetterCode::OverCap,
        reason: format!("the event causes more than {MAX_EVENT_MESSAGES} messages"),
    }
}
