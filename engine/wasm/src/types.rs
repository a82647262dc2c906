//! The shapes of `wit/types.wit`, as wasmtime carries them: lowered straight from the engine's event,
//! without a copy in between.

use bytes::Bytes;
use tailrace_core::{
    event::{self, Event},
    timer::Timer,
};
use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub(crate) struct HeaderIn<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct EventIn<'a> {
    sequence: u64,
    time: u64,
    subject: &'a str,
    key: &'a str,
    headers: &'a [HeaderIn<'a>],
    payload: &'a [u8],
}

impl<'a> EventIn<'a> {
    pub(crate) fn new(event: &'a Event, headers: &'a [HeaderIn<'a>]) -> Self {
        Self {
            sequence: event.sequence,
            time: event.time_ms,
            subject: &event.subject,
            key: &event.key,
            headers,
            payload: &event.payload,
        }
    }
}

/// `wit/timed.wit`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct TimerIn<'a> {
    name: &'a str,
    key: &'a str,
    at: u64,
    payload: &'a [u8],
    #[component(name = "set-by")]
    set_by: u64,
}

impl<'a> From<&'a Timer> for TimerIn<'a> {
    fn from(timer: &'a Timer) -> Self {
        Self {
            name: &timer.name,
            key: &timer.key,
            at: timer.at_ms,
            payload: &timer.payload,
            set_by: timer.set_by,
        }
    }
}

pub(crate) fn headers_in(event: &Event) -> Vec<HeaderIn<'_>> {
    event
        .headers
        .iter()
        .map(|header| HeaderIn {
            name: &header.name,
            value: &header.value,
        })
        .collect()
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct HeaderOut {
    name: String,
    value: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct MessageOut {
    subject: Option<String>,
    key: Option<String>,
    headers: Vec<HeaderOut>,
    payload: Vec<u8>,
}

impl MessageOut {
    /// What it counts against the cap on bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.len())
            .sum();
        let texts = [&self.subject, &self.key]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum::<usize>();
        (self.payload.len() + headers + texts) as u64
    }

    pub(crate) fn into_message(self) -> event::Message {
        let header = |header: HeaderOut| event::Header {
            name: header.name,
            value: header.value,
        };
        event::Message {
            subject: self.subject,
            key: self.key,
            headers: self.headers.into_iter().map(header).collect(),
            payload: Bytes::from(self.payload),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum VerdictOut {
    #[component(name = "forward")]
    Forward,
    #[component(name = "emit")]
    Emit(Vec<MessageOut>),
    #[component(name = "drop")]
    Drop,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct RejectionOut {
    pub(crate) code: String,
    pub(crate) reason: String,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum FailureOut {
    #[component(name = "invalid")]
    Invalid(RejectionOut),
    #[component(name = "transient")]
    Transient(String),
}
