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
    plugins: Arc<Mutex<BTreeMap<Digest, Bytes>>>,
    uploads: Arc<AtomicU64>,
    link: Link,
}

impl MemoryRegistry {
    /// An empty one.
    pub fn new(link: Link) -> Self {
        Self {
            bucket: MemoryBucket::default(),
            plugins: Arc::default(),
            uploads: Arc::default(),
            link,
        }
    }

    /// Holds a plugin's component, as if it had been uploaded; gives its digest.
    pub fn hold_plugin(&self, component: Bytes) -> Digest {
        let digest = Digest::of(&component);
        lock(&self.plugins).insert(digest, component);
        digest
    }

    /// How often a plugin was uploaded.
    pub fn uploads(&self) -> u64 {
        self.uploads.load(Ordering::Relaxed)
    }

    /// How many entries of the bucket were ever written.
    pub fn entries(&self) -> u64 {
        self.bucket.writes()
    }
}

#[async_trait]
impl Bucket for MemoryRegistry {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        self.link.reach(Service::Registry)?;
        self.bucket.get(key).await
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        self.link.reach(Service::Registry)?;
        self.bucket.put(key, value, expected).await
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.link.reach(Service::Registry)?;
        self.bucket.delete(key).await
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.link.reach(Service::Registry)?;
        self.bucket.remove(key, expected).await
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        self.link.reach(Service::Registry)?;
        self.bucket.revision().await
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.link.reach(Service::Registry)?;
        self.bucket.watch().await
    }
}

#[async_trait]
impl RegistryStore for MemoryRegistry {
    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        self.link.reach(Service::Registry)?;
        self.uploads.fetch_add(1, Ordering::Relaxed);
        lock(&self.plugins).insert(digest, component);
        Ok(())
    }
    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(lock(&self.plugins).get(&digest).cloned())
    }
    async fn plugin_digests(&self) -> Result<Vec<Digest>, BrokerError> {
        self.link.request(Service::Registry).await?;
        Ok(lock(&self.plugins).keys().copied().collect())
    }
    async fn delete_plugin(&self, digest: Digest) -> Result<(), BrokerError> {
        self.link.reach(Service::Registry)?;
        lock(&self.plugins).remove(&digest);
        Ok(())
    }
}
