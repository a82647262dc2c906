//! A bucket of keys in memory: a log of entries, so that a watch gives every change in order. Chance delays what
//! a watch gives, and breaks it off.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::ports::{
    broker::BrokerError,
    registry::{Bucket, Entry, Watch, WriteError},
};
use tokio::sync::watch;

use crate::{
    link::{Link, Service},
    sync::lock,
};

/// Such a bucket. Its copies are one.
#[derive(Clone)]
pub struct MemoryBucket {
    log: Arc<Mutex<Vec<Entry>>>,
    grown: Arc<watch::Sender<usize>>,
    /// Keys that were purged by hand, whatever the log says of them.
    purged: Arc<Mutex<BTreeSet<String>>>,
    link: Link,
}

impl Default for MemoryBucket {
    fn default() -> Self {
        Self::behind(Link::new(None))
    }
}

impl MemoryBucket {
    /// An empty one, behind this link.
    pub fn behind(link: Link) -> Self {
        Self {
            log: Arc::default(),
            grown: Arc::new(watch::Sender::new(0)),
            purged: Arc::default(),
            link,
        }
    }

    /// The same bucket, through another link.
    #[must_use]
    pub fn through(&self, link: Link) -> Self {
        Self { link, ..self.clone() }
    }

    /// Every entry that was ever written after a revision, in order.
    pub fn written_after(&self, revision: u64) -> Vec<Entry> {
        let log = lock(&self.log);
        log.get(revision as usize..).unwrap_or_default().to_vec()
    }

    /// How many entries were ever written, deletions included.
    pub fn writes(&self) -> u64 {
        lock(&self.log).len() as u64
    }

    /// Somebody purges a key by hand, and no marker stays.
    pub(super) fn purge(&self, key: &str) {
        lock(&self.purged).insert(key.to_owned());
    }

    /// How many keys there are, with those that were deleted.
    pub(super) fn keys(&self) -> u64 {
        let log = lock(&self.log);
        let purged = lock(&self.purged);
        let keys: BTreeSet<&str> = log.iter().map(|entry| &*entry.key).collect();
        keys.iter().filter(|key| !purged.contains(**key)).count() as u64
    }

    /// All of it is gone.
    pub(super) fn clear(&self) {
        lock(&self.log).clear();
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
        lock(&self.purged).remove(key);
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
        self.link.request(Service::Registry).await?;
        let log = lock(&self.log);
        Ok(log.iter().rfind(|entry| entry.key == key).cloned())
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let (bucket, key) = (self.clone(), key.to_owned());
        let put = move || bucket.append(&key, Some(value), Some(expected));
        self.link.change(Service::Registry, put).await?
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        let (bucket, key) = (self.clone(), key.to_owned());
        // Nothing is expected, so nothing can conflict.
        let delete = move || drop(bucket.append(&key, None, None));
        self.link.change(Service::Registry, delete).await
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        let (bucket, key) = (self.clone(), key.to_owned());
        let remove = move || bucket.append(&key, None, Some(expected)).map(drop);
        self.link.change(Service::Registry, remove).await?
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(self.writes())
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.link.request(Service::Registry).await?;
        let grown = self.grown.subscribe();
        let log = lock(&self.log);
        let purged = lock(&self.purged);
        let held = log.iter().filter(|entry| !purged.contains(&entry.key));
        let last: BTreeMap<&str, &Entry> = held.map(|entry| (&*entry.key, entry)).collect();
        let mut first: Vec<Entry> = last.into_values().cloned().collect();
        // From the end.
        first.sort_by_key(|entry| std::cmp::Reverse(entry.revision));
        Ok(Box::new(Follow {
            log: self.log.clone(),
            link: self.link.clone(),
            grown,
            first: Some(first),
            next: log.len(),
        }))
    }
}

struct Follow {
    log: Arc<Mutex<Vec<Entry>>>,
    link: Link,
    grown: watch::Receiver<usize>,
    /// What was there at the beginning and is still to be given, from its end; none once that was told.
    first: Option<Vec<Entry>>,
    next: usize,
}

#[async_trait]
impl Watch for Follow {
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        if let Some(first) = &mut self.first {
            let entry = first.pop();
            if entry.is_none() {
                self.first = None;
            }
            return Ok(entry);
        }
        let next = self.next;
        if self.grown.wait_for(|length| *length > next).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.link.reached(Service::Registry).await;
        let lags = self.link.strikes("watch lags", 2);
        self.link.pause(if lags { 3_000 } else { 10 }).await;
        if self.link.strikes("watch breaks off", 1) {
            return Err(BrokerError::Unreachable("simulated: the watch ended".to_owned()));
        }
        self.next += 1;
        Ok(lock(&self.log).get(next).cloned())
    }
}
