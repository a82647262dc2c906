//! The registry in memory: a bucket, and the plugins' bytes by their digests.

pub mod bucket;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    identity::Digest,
    ports::{
        broker::BrokerError,
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
};

use self::bucket::MemoryBucket;
use crate::{
    link::{Link, Service},
    sync::lock,
};

/// Such a registry, behind the broker's link. Its copies are one.
#[derive(Clone)]
pub struct MemoryRegistry {
    bucket: MemoryBucket,
    plugins: Arc<Mutex<BTreeMap<Digest, (u64, Bytes)>>>,
    /// How often a component was stored: each time bears its number.
    stored: Arc<AtomicU64>,
    /// How often the bucket was made, and whether it is there.
    made: Arc<Mutex<(u64, bool)>>,
    link: Link,
}

impl MemoryRegistry {
    /// An empty one.
    pub fn new(link: Link) -> Self {
        Self {
            bucket: MemoryBucket::behind(link.clone()),
            plugins: Arc::default(),
            stored: Arc::default(),
            made: Arc::new(Mutex::new((0, true))),
            link,
        }
    }

    /// The same registry, through another link: that of another engine.
    #[must_use]
    pub fn through(&self, link: Link) -> Self {
        Self {
            bucket: self.bucket.through(link.clone()),
            link,
            ..self.clone()
        }
    }

    /// Every entry that was ever written after a revision, in order.
    pub fn written_after(&self, revision: u64) -> Vec<Entry> {
        self.bucket.written_after(revision)
    }

    /// Somebody deletes the bucket by hand; the components stay.
    pub fn lose(&self) {
        lock(&self.made).1 = false;
        self.bucket.clear();
    }

    /// Digests of the components that it holds.
    pub fn components(&self) -> Vec<Digest> {
        lock(&self.plugins).keys().copied().collect()
    }

    /// Holds a plugin's component, as if it had been uploaded; gives its digest.
    pub fn hold_plugin(&self, component: Bytes) -> Digest {
        let digest = Digest::of(&component);
        self.store(digest, component);
        digest
    }

    /// How often a plugin was uploaded.
    pub fn uploads(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    fn store(&self, digest: Digest, component: Bytes) {
        let number = self.stored.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&self.plugins).insert(digest, (number, component));
    }

    /// Somebody purges a key of the bucket by hand, and no marker stays.
    pub fn purge(&self, key: &str) {
        self.bucket.purge(key);
    }

    /// How many entries of the bucket were ever written.
    pub fn entries(&self) -> u64 {
        self.bucket.writes()
    }
}

#[async_trait]
impl Bucket for MemoryRegistry {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        self.bucket.get(key).await
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        self.bucket.put(key, value, expected).await
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.bucket.delete(key).await
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.bucket.remove(key, expected).await
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        self.bucket.revision().await
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.bucket.watch().await
    }
}

#[async_trait]
impl RegistryStore for MemoryRegistry {
    async fn created(&self) -> Result<Option<String>, BrokerError> {
        self.link.request(Service::Registry).await?;
        let (made, is_there) = *lock(&self.made);
        // As streams say it, whose numbers are smaller than those of a bucket that was made anew.
        let number = if made == 0 { 0 } else { 9_000 + made };
        Ok(is_there.then(|| format!("{number:04}")))
    }
    async fn keys(&self) -> Result<Option<u64>, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(Some(self.bucket.keys()))
    }
    async fn make(&self) -> Result<(), BrokerError> {
        let made = self.made.clone();
        let make = move || {
            let (count, is_there) = &mut *lock(&made);
            if !std::mem::replace(is_there, true) {
                *count += 1;
            }
        };
        self.link.change(Service::Registry, make).await
    }
    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        let registry = self.clone();
        let put = move || registry.store(digest, component);
        self.link.change(Service::Registry, put).await
    }
    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        self.link.request(Service::Registry).await?;
        let found = lock(&self.plugins).get(&digest).cloned();
        Ok(found.map(|(_, component)| component))
    }
    async fn plugin_digests(&self) -> Result<Vec<Digest>, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(lock(&self.plugins).keys().copied().collect())
    }
    async fn stored_until(&self) -> Result<u64, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(self.uploads())
    }
    async fn delete_plugin(&self, digest: Digest, until: u64) -> Result<(), BrokerError> {
        let plugins = self.plugins.clone();
        let delete = move || lock(&plugins).retain(|of, (number, _)| *of != digest || *number > until);
        self.link.change(Service::Registry, delete).await
    }
}
