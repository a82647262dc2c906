//! A message becomes an event of a partition: its key, time and measured values are found, in one pass over
//! its payload, and what cannot be an event of this pipeline is refused.
//!
//! There are two entrances, the input and the redrive subject, and one check: a dead letter of the intake is
//! judged again as it was the first time.

use std::iter;

use tailrace_core::{
    carried::CarriedWatermark,
    codes::LetterCode,
    dead_letter,
    event::{Event, Header},
    event_time::EventTime,
    extract::PayloadFault,
    manifest::{Extract, Markers, OnUnreadable, Remember},
    name::Name,
    ports::broker::Incoming,
};

use crate::{
    arrival::{Arrival, Identifier, Source},
    intake::{markers, names},
    message::{hops, outgoing},
    plan::{Found, Plan, PlannedInput, Read},
};

/// Why an event cannot even enter the first step.
type Refused = Option<(LetterCode, String)>;

/// A message of the input, as the partition gets it.
pub fn arrive(plan: &Plan, message: Incoming) -> Arrival {
    let marker = markers::of(&message.headers);
    if marker.is_some() && plan.manifest.input.markers == Markers::Skip {
        return pass_over(message);
    }
    let input = plan.input_of(&message.subject);
    let carried = carried(plan, &message);
    let mut read = if marker.is_none() {
        input.read(plan.manifest.input.decode, message.headers, &message.payload)
    } else {
        // A marker has no payload that could be read.
        Read::unread(message.headers, &message.payload)
    };
    if let Some(why) = message.unreadable {
        read.refused = Some((LetterCode::MalformedHeaders, why));
    }
    let mut found = plan.find(
        input,
        (message.sequence, message.received_ms),
        &message.subject,
        &read.headers,
        &read.json,
    );
    let received_ms = message.received_ms;
    let time_ms = found.time.ms().unwrap_or(received_ms);
    let is_ahead = !plan.clock_rule.believes(time_ms, received_ms);
    // Where events bring their times, the receive time of one that brings none says nothing: those of events that
    // are published again, years later, would be far ahead of all others.
    let is_own = input.time.is_none() || found.time.ms().is_some();
    for headers in iter::once(&mut read.headers).chain(&mut read.raw_headers) {
        keep_own(headers);
        if let Some(marker) = &marker {
            markers::mark(headers, marker.clone());
        }
        if let Some(name) = &input.name {
            names::bear(headers, name);
        }
    }
    let (key, refused) = judge(input, &mut found, &mut read);
    let event = Event {
        sequence: message.sequence,
        time_ms,
        subject: message.subject,
        key,
        headers: read.headers,
        payload: read.payload,
    };
    Arrival {
        raw: message.payload,
        raw_headers: read.raw_headers,
        refused,
        time: found.time,
        is_ahead,
        moves_clock: is_own && !is_ahead,
        clock_source: found.source,
        carried,
        input: input.name.clone(),
        received_ms,
        dedup: found.dedup,
        measured: found.measured,
        groups: found.groups,
        ..Arrival::of(Source::Input, message.sequence, event)
    }
}

/// How far the pipeline was that has published the message. As with a time, what the broker's receive time contradicts is
/// not believed.
fn carried(plan: &Plan, message: &Incoming) -> Option<CarriedWatermark> {
    let rule = &plan.clock_rule;
    let carried = CarriedWatermark::of(&message.headers).filter(|_| rule.is_bound())?;
    rule.believes(carried.watermark_ms, message.received_ms)
        .then_some(carried)
}

/// What is no event still moves the position, in the partition of those without a key.
fn pass_over(mut message: Incoming) -> Arrival {
    keep_own(&mut message.headers);
    let event = Event {
        sequence: message.sequence,
        time_ms: message.received_ms,
        subject: message.subject,
        key: String::new(),
        headers: message.headers,
        payload: message.payload,
    };
    Arrival {
        skipped: true,
        received_ms: message.received_ms,
        ..Arrival::of(Source::Input, message.sequence, event)
    }
}

/// A dead letter that is sent again; none for a message that is no dead letter. One that has failed before the
/// first step is judged as it was the first time. What a step has failed on goes to that step, as it came there.
pub fn arrive_again(plan: &Plan, message: Incoming) -> Option<Arrival> {
    let (mut event, reason) = dead_letter::revive(message.headers, message.payload)?;
    hops::forget(&mut event.headers);
    let input = plan.input_of(&event.subject);
    let failed_before = reason.step == dead_letter::INPUT_STEP;
    let raw = event.payload.clone();
    let headers = std::mem::take(&mut event.headers);
    // What a step has failed on was read before it came there.
    let mut read = if failed_before {
        input.read(plan.manifest.input.decode, headers, &raw)
    } else {
        Read::unread(headers, &raw)
    };
    let mut found = plan.find(
        input,
        (event.sequence, event.time_ms),
        &event.subject,
        &read.headers,
        &read.json,
    );
    if reason.timer.is_some() {
        // What a timer takes along is no event that could be measured.
        (found.measured, found.groups) = Default::default();
    }
    let mut refused = None;
    // A step may have changed the subject, so the letter says which input its event was of.
    let mut input_name = reason.input.and_then(|name| Name::new(&name).ok());
    if failed_before {
        input_name.clone_from(&input.name);
        (event.key, refused) = judge(input, &mut found, &mut read);
        event.time_ms = found.time.ms().unwrap_or(event.time_ms);
    }
    event.headers = read.headers;
    event.payload = read.payload;
    Some(Arrival {
        raw,
        raw_headers: read.raw_headers,
        refused,
        dedup: reason.dedup_id.and_then(|text| identifier(plan, text)),
        // An event that was not accepted was not measured.
        measured: found.measured,
        groups: found.groups,
        input: input_name,
        from_step: Some(reason.step).filter(|_| !failed_before),
        timer: reason.timer,
        ..Arrival::of(Source::Redrive, message.sequence, event)
    })
}

/// What an event that is sent again is known by. With `remember: seen` it was remembered when it came first, and
/// would be taken for a duplicate of itself.
fn identifier(plan: &Plan, text: String) -> Option<Identifier> {
    let remember = plan.manifest.input.dedup.as_ref()?.remember;
    (remember == Remember::Processed).then_some(Identifier { text, remember })
}

/// The key under which an event is processed, and why it is not, if so.
///
/// The key decides the partition, and each partition has its own position. So an event that is refused keeps the key
/// that it has: what refuses it may change with the revision, and then the event would be one of another partition, which
/// would take it for one that it has not processed.
fn judge(input: &PlannedInput, found: &mut Found, read: &mut Read) -> (String, Refused) {
    let fault = found.fault.take();
    // Of a payload with a fault, what is read depends on what else is looked for.
    let is_certain = fault.is_none() || !input.key.looks_inside();
    let found_key = found.key.take();
    let has_key = found_key.is_some();
    let unusable = found_key
        .as_deref()
        .map(outgoing::check_key)
        .and_then(Result::err);
    let key = found_key.filter(|_| unusable.is_none()).unwrap_or_default();
    let refused = read.refused.take();
    let refused = refused.or_else(|| fault.and_then(|fault| refuse(input, &fault, has_key)));
    if refused.is_some() {
        return (if is_certain { key } else { String::new() }, refused);
    }
    let (path, place) = (
        || input.path("key"),
        || serde_json::to_string(&input.key).unwrap_or_default(),
    );
    if let Some(reason) = unusable {
        let reason = format!("{reason}: {} {}", path(), place());
        return (key, Some((LetterCode::LongKey, reason)));
    }
    if !has_key {
        let why = if input.key.looks_inside() && read.json.is_empty() {
            "; its payload is empty"
        } else {
            ""
        };
        let reason = format!("the event has no key at {} {}{why}", path(), place());
        return (key, Some((LetterCode::NoKey, reason)));
    }
    let refused = refuse_time(input, &found.time).or_else(|| hops::refuse(&read.headers));
    (key, refused)
}

/// A payload with two meanings is always refused; one with none only where it should hold what the event cannot
/// be processed without.
fn refuse(input: &PlannedInput, fault: &PayloadFault, has_key: bool) -> Refused {
    let code = match fault {
        PayloadFault::Duplicate { .. } => LetterCode::DuplicateMember,
        PayloadFault::Unreadable(_) if needs_json(input, has_key) => LetterCode::UnreadablePayload,
        PayloadFault::Unreadable(_) => return None,
    };
    Some((code, fault.to_string()))
}

/// A key may have been found elsewhere than in the payload.
fn needs_json(input: &PlannedInput, has_key: bool) -> bool {
    let rejected = input.time.as_ref();
    let rejected = rejected.filter(|time| time.on_unreadable == OnUnreadable::Reject);
    let key = (!has_key).then_some(&input.key);
    let mut needed = rejected.map(|time| &time.place).into_iter().chain(key);
    needed.any(Extract::looks_inside)
}

fn refuse_time(input: &PlannedInput, time: &EventTime) -> Refused {
    let manifest = input.time.as_ref()?;
    match time {
        EventTime::Unreadable { text, why } if manifest.on_unreadable == OnUnreadable::Reject => {
            let place = serde_json::to_string(&manifest.place).unwrap_or_default();
            let path = input.path("time");
            let reason = format!("the event's time at {path} {place}, {text:?}, {why}");
            Some((LetterCode::UnreadableTime, reason))
        }
        _ => None,
    }
}

/// Without the broker's own headers, which never reach a plugin, and without what another pipeline says of itself: the
/// name of its input, and how far it was.
fn keep_own(headers: &mut Vec<Header>) {
    headers.retain(|header| {
        let start = header.name.get(..5);
        !start.is_some_and(|start| start.eq_ignore_ascii_case("nats-"))
            && !names::is_name(header)
            && !CarriedWatermark::is_header(header)
    });
}

#[cfg(test)]
mod tests;
