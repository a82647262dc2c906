//! Publishes events, on a thread of its own: at their intended times, or as fast as they come out.
//!
//! Publishing waits for no acknowledgement, as devices and services do that cannot wait. What the
//! broker refused would be missing at the end, and the round would fail.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tailrace_nats::async_nats::Client;
use tokio::{runtime::Handle, task::JoinHandle};

use super::count::Count;
use crate::events::{BYTES, timed_event};

/// Most events under way when everything is pushed. A stream of nats-server takes 10,000 in before it
/// refuses more, so this is below.
const WINDOW: u64 = 8_000;
/// How long the thread sleeps when nothing is due: far below the latencies that are measured.
const NAP: Duration = Duration::from_micros(100);

/// A source of events.
pub struct Generator {
    client: Client,
    subject: String,
    began: Instant,
    sent: Count,
}

impl Generator {
    /// For a subject.
    pub fn new(client: Client, subject: String) -> Self {
        Self {
            client,
            subject,
            began: Instant::now(),
            sent: Arc::default(),
        }
    }

    /// When the clock that events bear began.
    pub fn origin(&self) -> Instant {
        self.began
    }

    /// Microseconds on the clock that events bear.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Events sent so far, in all.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Sends as fast as events come out at the other end.
    pub fn push(&self, time: Duration, received: Count) -> Sending {
        let began = Instant::now();
        self.start(move |sent, now_us| {
            let is_room = sent < received.load(Ordering::Acquire) + WINDOW;
            (began.elapsed() < time).then(|| is_room.then_some(now_us))
        })
    }

    /// Sends at a rate, each event at its time.
    pub fn send(&self, rate: f64, time: Duration) -> Sending {
        let (first, start_us) = (self.sent(), self.now_us());
        let count = (rate * time.as_secs_f64()) as u64;
        self.start(move |sent, now_us| {
            let number = sent - first;
            let intended_us = start_us + (number as f64 / rate * 1e6) as u64;
            (number < count).then(|| (intended_us <= now_us).then_some(intended_us))
        })
    }

    /// Asks, until it says none, whether the next event is due, and since when.
    fn start(&self, due: impl Fn(u64, u64) -> Option<Option<u64>> + Send + 'static) -> Sending {
        let (client, subject) = (self.client.clone(), self.subject.clone());
        let (began, sent) = (self.began, self.sent.clone());
        let handle = Handle::current();
        tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
            let mut number = sent.load(Ordering::Acquire);
            while let Some(next) = due(number, began.elapsed().as_micros() as u64) {
                let Some(intended_us) = next else {
                    std::thread::sleep(NAP);
                    continue;
                };
                let event = timed_event(number, BYTES, intended_us);
                handle.block_on(client.publish(subject.clone(), event))?;
                number += 1;
                sent.store(number, Ordering::Release);
            }
            Ok(handle.block_on(client.flush())?)
        })
    }
}

/// Ends when the last event is sent.
pub type Sending = JoinHandle<anyhow::Result<()>>;
