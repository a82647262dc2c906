//! A message becomes an event of a partition: its key, time and measured values are found, in one pass over
//! its payload.

use bytes::Bytes;
use tailrace_core::{
    codes::LetterCode,
    dead_letter,
    event::{Event, Header},
    ports::broker::Incoming,
};

use crate::{
    arrival::{Arrival, Source},
    message::{hops, outgoing},
    plan::Plan,
};

/// A message of the input, as the partition gets it.
pub fn arrive(plan: &Plan, message: Incoming) -> Arrival {
    let found = plan.find(
        message.sequence,
        &message.subject,
        &message.headers,
        &message.payload,
    );
    let headers = own_headers(message.headers);
    let place = || serde_json::to_string(&plan.manifest.input.key).unwrap_or_default();
    let (key, refused) = match found.key {
        None => {
            let reason = format!("the event has no key at input.key {}", place());
            (String::new(), Some((LetterCode::NoKey, reason)))
        }
        Some(key) => match outgoing::check_key(&key) {
            Ok(()) => (key, hops::refuse(&headers)),
            Err(reason) => (
                String::new(),
                Some((LetterCode::LongKey, format!("{reason}: input.key {}", place()))),
            ),
        },
    };
    let event = Event {
        sequence: message.sequence,
        time_ms: found.time_ms.unwrap_or(message.received_ms),
        subject: message.subject,
        key,
        headers,
        payload: message.payload,
    };
    let sequence = message.sequence;
    Arrival {
        source: Source::Input,
        sequence,
        event,
        refused,
        dedup_id: found.dedup_id,
        measured: found.measured,
        groups: found.groups,
        from_step: None,
        room: None,
        traced: None,
    }
}

/// A dead letter that is sent again; none for a message that is no dead letter.
pub(super) fn arrive_again(plan: &Plan, message: Incoming) -> Option<Arrival> {
    let Incoming {
        sequence,
        headers,
        payload,
        ..
    } = message;
    let (mut event, step) = dead_letter::revive(headers, Bytes::clone(&payload))?;
    hops::forget(&mut event.headers);
    let from_step = (step != dead_letter::INPUT_STEP).then_some(step);
    let found = plan.find(event.sequence, &event.subject, &event.headers, &event.payload);
    Some(Arrival {
        source: Source::Redrive,
        sequence,
        event,
        refused: None,
        dedup_id: None,
        // They were counted when it came first.
        measured: Vec::new(),
        groups: found.groups,
        from_step,
        room: None,
        traced: None,
    })
}

/// Without the broker's own headers, which never reach a plugin.
fn own_headers(mut headers: Vec<Header>) -> Vec<Header> {
    headers.retain(|header| {
        !header
            .name
            .get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("nats-"))
    });
    headers
}
