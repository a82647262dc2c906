//! A bucket of keys in memory: a log of entries, so that a watch gives every change in order.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::ports::{
    broker::BrokerError,
    registry::{Bucket, Entry, Watch, WriteError},
};
use tokio::sync::watch;

use crate::sync::lock;

/// Such a bucket. Its copies are one.
#[derive(Clone)]
pub struct MemoryBucket {
    log: Arc<Mutex<Vec<Entry>>>,
    grown: Arc<watch::Sender<usize>>,
}

impl Default for MemoryBucket {
    fn default() -> Self {
        Self {
            log: Arc::default(),
            grown: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl MemoryBucket {
    /// How many entries were ever written, deletions included.
    pub fn writes(&self) -> u64 {
        lock(&self.log).len() as u64
    }

    /// Appends an entry if the key's revision is `expected`, or whatever it is where nothing is expected.
    fn append(&self, key: &str, value: Option<Bytes>, expected: Option<u64>) -> Result<u64, WriteError> {
        let mut log = lock(&self.log);
        let known = log.iter().rfind(|entry| entry.key == key);
        let is_there = known.is_some_and(|entry| entry.value.is_some());
        let revision = known.map_or(0, |entry| entry.revision);
        if expected.is_some_and(|expected| expected != revision && (expected > 0 || is_there)) {
            return Err(WriteError::Conflict(key.to_owned()));
        }
        let revision = log.len() as u64 + 1;
        log.push(Entry {
            key: key.to_owned(),
            value,
            revision,
        });
        self.grown.send_replace(log.len());
        Ok(revision)
    }
}

#[async_trait]
impl Bucket for MemoryBucket {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        let log = lock(&self.log);
        Ok(log.iter().rfind(|entry| entry.key == key).cloned())
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        self.append(key, Some(value), Some(expected))
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        // Nothing is expected, so nothing can conflict.
        let _ = self.append(key, None, None);
        Ok(())
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.append(key, None, Some(expected)).map(drop)
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        Ok(self.writes())
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        let (log, grown) = (self.log.clone(), self.grown.subscribe());
        let whole = Some(lock(&log).len());
        Ok(Box::new(Follow {
            log,
            grown,
            next: 0,
            whole,
        }))
    }
}

struct Follow {
    log: Arc<Mutex<Vec<Entry>>>,
    grown: watch::Receiver<usize>,
    next: usize,
    /// Where the entries end that were there at the beginning; none once that was told.
    whole: Option<usize>,
}

#[async_trait]
impl Watch for Follow {
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        if self.whole.is_some_and(|whole| self.next >= whole) {
            self.whole = None;
            return Ok(None);
        }
        let next = self.next;
        if self.grown.wait_for(|length| *length > next).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.next += 1;
        Ok(lock(&self.log).get(next).cloned())
    }
}
