//! Who reads the outputs of all tenants: one inbox, to which the broker delivers every output stream.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use hdrhistogram::Histogram;
use tailrace_nats::async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use tailrace_tests::cluster::Cluster;
use tokio::task::JoinHandle;

use crate::{
    events::intended_us,
    latency::{Percentiles, histogram},
};

/// Longest that nothing may come, where something must.
const PATIENCE: Duration = Duration::from_mins(2);

/// Reads until it is dropped.
pub struct Audience {
    began: Instant,
    heard: Arc<Mutex<Heard>>,
    reading: JoinHandle<()>,
}

struct Heard {
    from_us: u64,
    count: u64,
    latency: Histogram<u64>,
    /// When each tenant's last output came, by its subject.
    last: BTreeMap<String, Instant>,
}

impl Heard {
    fn new(from_us: u64) -> anyhow::Result<Self> {
        Ok(Self {
            from_us,
            count: 0,
            latency: histogram()?,
            last: BTreeMap::new(),
        })
    }

    fn note(&mut self, subject: &str, payload: &[u8], now_us: u64) {
        // What is no event of ours is part of a commit record.
        let Some(intended_us) = intended_us(payload) else {
            return;
        };
        self.count += 1;
        if intended_us >= self.from_us {
            self.latency.saturating_record(now_us.saturating_sub(intended_us));
        }
        let now = Instant::now();
        match self.last.get_mut(subject) {
            Some(last) => *last = now,
            None => drop(self.last.insert(subject.to_owned(), now)),
        }
    }
}

impl Audience {
    /// Reads these streams from now on.
    pub async fn gather(cluster: &Cluster, streams: &[String]) -> anyhow::Result<Self> {
        let inbox = cluster.client.new_inbox();
        let mut subscription = cluster.client.subscribe(inbox.clone()).await?;
        for stream in streams {
            let config = push::Config {
                deliver_subject: inbox.clone(),
                deliver_policy: DeliverPolicy::All,
                ack_policy: AckPolicy::None,
                ..push::Config::default()
            };
            cluster
                .jetstream
                .get_stream(stream)
                .await?
                .create_consumer(config)
                .await?;
        }
        let began = Instant::now();
        let heard = Arc::new(Mutex::new(Heard::new(0)?));
        let reading = {
            let heard = heard.clone();
            tokio::spawn(async move {
                while let Some(message) = subscription.next().await {
                    let now_us = began.elapsed().as_micros() as u64;
                    lock(&heard).note(&message.subject, &message.payload, now_us);
                }
            })
        };
        Ok(Self {
            began,
            heard,
            reading,
        })
    }

    /// Microseconds on the clock of this audience.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Counts from nothing; latency counts for events intended at this time or later.
    pub fn listen(&self, from_us: u64) {
        if let Ok(heard) = Heard::new(from_us) {
            *lock(&self.heard) = heard;
        }
    }

    /// Waits until so many outputs have come.
    pub async fn heard(&self, count: u64) -> anyhow::Result<()> {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let now = lock(&self.heard).count;
            if now >= count {
                return Ok(());
            }
            if now > before {
                (before, since) = (now, Instant::now());
            }
            anyhow::ensure!(since.elapsed() < PATIENCE, "{now} of {count} outputs have come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How late they came.
    pub fn latency(&self) -> Percentiles {
        Percentiles::of(&lock(&self.heard).latency)
    }

    /// When the last output of the slowest of so many tenants came.
    pub fn slowest(&self, tenants: usize) -> Instant {
        let heard = lock(&self.heard);
        debug_assert_eq!(heard.last.len(), tenants, "each has outputs");
        heard.last.values().max().copied().unwrap_or(self.began)
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
