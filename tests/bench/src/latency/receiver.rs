//! Takes outputs from the stream that they were stored in, and counts how late each came.
//!
//! It reads by a consumer and not by a plain subscription: those get a message of a batch before the
//! batch is stored, and would show latencies that no reader of the stream has.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures::StreamExt as _;
use hdrhistogram::Histogram;
use tailrace_core::identity::partition_of;
use tailrace_nats::async_nats::jetstream::consumer::push;
use tailrace_tests::cluster::Cluster;
use tokio::task::JoinHandle;

use super::count::Count;
use crate::{events::intended_us, stage::Running};

/// Partitions of the pipelines whose pauses are looked for; of others the pauses mean nothing.
pub const PARTITIONS: u32 = 4;
/// Longest latency that is told from others, in microseconds: longer than any round.
const LONGEST_US: u64 = 600_000_000;

/// An empty histogram of microseconds with three digits that count.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST_US, 3)?)
}

/// What people look at.
#[allow(clippy::struct_field_names, reason = "names end in their unit")]
#[derive(Debug, Clone, Copy)]
pub struct Percentiles {
    /// Half are faster.
    pub p50_ms: f64,
    /// One of a hundred is slower.
    pub p99_ms: f64,
    /// One of a thousand is slower.
    pub p999_ms: f64,
}

impl Percentiles {
    /// Of a histogram of microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |percent: f64| histogram.value_at_percentile(percent) as f64 / 1e3;
        Self {
            p50_ms: at(50.0),
            p99_ms: at(99.0),
            p999_ms: at(99.9),
        }
    }
}

/// What is recorded: events that should have been sent at this time or later.
struct Recording {
    from_us: u64,
    latency: Histogram<u64>,
    /// When the last output of each partition came.
    last_us: [u64; PARTITIONS as usize],
    longest_gap_us: u64,
}

impl Recording {
    fn note(&mut self, intended_us: u64, now_us: u64, key: &str) {
        if intended_us >= self.from_us {
            self.latency.saturating_record(now_us.saturating_sub(intended_us));
        }
        let last_us = &mut self.last_us[partition_of(key, PARTITIONS) as usize];
        self.longest_gap_us = self.longest_gap_us.max(now_us - *last_us);
        *last_us = now_us;
    }
}

/// Reads the outputs of one worker.
pub struct Receiver {
    count: Count,
    recording: Arc<Mutex<Recording>>,
    reading: JoinHandle<()>,
}

impl Receiver {
    /// Begins to read; events bear times of a clock that began with `origin`.
    pub async fn start(cluster: &Cluster, running: &Running<'_>, origin: Instant) -> anyhow::Result<Self> {
        let messages = subscribe(cluster, running).await?;
        let count = Arc::new(AtomicU64::new(0));
        let recording = Arc::new(Mutex::new(Recording {
            from_us: u64::MAX,
            latency: histogram()?,
            last_us: [0; PARTITIONS as usize],
            longest_gap_us: 0,
        }));
        let reading = tokio::spawn(read(messages, origin, count.clone(), recording.clone()));
        Ok(Self {
            count,
            recording,
            reading,
        })
    }

    /// Outputs so far.
    pub fn count(&self) -> &Count {
        &self.count
    }

    /// Forgets what was recorded and records what should be sent from now on.
    pub fn record(&self, from_us: u64) {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        recording.from_us = from_us;
        recording.latency.reset();
    }

    /// Longest time without an output of a partition since this was last asked, in milliseconds.
    pub fn take_longest_gap_ms(&self) -> f64 {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut recording.longest_gap_us) as f64 / 1e3
    }

    /// What was recorded.
    pub fn percentiles(&self) -> Percentiles {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        Percentiles::of(&recording.latency)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// An ordered consumer: a load that fills the connection must lose nothing, and a plain push consumer has
/// neither flow control nor a way to tell that something was lost.
async fn subscribe(cluster: &Cluster, running: &Running<'_>) -> anyhow::Result<push::Ordered> {
    let config = push::OrderedConfig {
        deliver_subject: cluster.client.new_inbox(),
        filter_subject: running.outputs(),
        ..push::OrderedConfig::default()
    };
    let stream = cluster.jetstream.get_stream(&running.output).await?;
    Ok(stream.create_consumer(config).await?.messages().await?)
}

async fn read(mut messages: push::Ordered, origin: Instant, count: Count, recording: Arc<Mutex<Recording>>) {
    while let Some(message) = messages.next().await {
        let now_us = origin.elapsed().as_micros() as u64;
        let message = match message {
            Ok(message) => message,
            Err(cause) => {
                // The consumer is made anew, behind what was read.
                eprintln!("    outputs could not be read: {cause}");
                continue;
            }
        };
        if let Some(intended_us) = intended_us(&message.payload) {
            let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
            let key = message.subject.rsplit('.').next().unwrap_or_default();
            recording.note(intended_us, now_us, key);
        }
        count.fetch_add(1, Ordering::Release);
    }
}
