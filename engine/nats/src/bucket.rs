//! A key-value bucket: made when first needed.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    kv::{self, DeleteErrorKind, UpdateErrorKind},
};
use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::ports::{
    broker::BrokerError,
    registry::{Bucket, Entry, Watch, WriteError},
};
use tokio::sync::OnceCell;

use crate::{
    error::unreachable,
    options::{NatsOptions, Placement, Replicas},
    watch::{NatsWatch, entry_of, last_entry},
};

/// A bucket by its name.
pub struct NatsBucket {
    jetstream: jetstream::Context,
    name: &'static str,
    max_age: Duration,
    replicas: Replicas,
    placement: Placement,
    store: OnceCell<kv::Store>,
}

impl NatsBucket {
    /// A bucket whose keys go when they have not been written for `max_age`; zero keeps them.
    pub(crate) fn new(
        jetstream: jetstream::Context,
        name: &'static str,
        max_age: Duration,
        options: &NatsOptions,
    ) -> Self {
        Self {
            replicas: options.replicas,
            placement: options.placement.clone(),
            jetstream,
            name,
            max_age,
            store: OnceCell::new(),
        }
    }

    async fn store(&self) -> Result<&kv::Store, BrokerError> {
        self.store
            .get_or_try_init(|| async {
                if let Ok(known) = self.jetstream.get_key_value(self.name).await {
                    return Ok(known);
                }
                let made = self.create(self.replicas.wanted()).await;
                match (made, self.replicas) {
                    // One server, or too few: as many as there can be.
                    (Err(_), Replicas::Auto) => self.create(1).await,
                    (made, _) => made,
                }
            })
            .await
    }
}

impl NatsBucket {
    async fn update(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let written = self.store().await?.update(key, value, expected).await;
        written.map_err(|cause| match cause.kind() {
            UpdateErrorKind::WrongLastRevision => WriteError::Conflict(key.to_owned()),
            _ => WriteError::Broker(unreachable(&cause)),
        })
    }
}

impl NatsBucket {
    async fn create(&self, replicas: u64) -> Result<kv::Store, BrokerError> {
        let config = kv::Config {
            bucket: self.name.to_owned(),
            history: 1,
            max_age: self.max_age,
            num_replicas: replicas as usize,
            placement: self.placement.of_stream(),
            ..kv::Config::default()
        };
        let made = self.jetstream.create_key_value(config).await;
        made.map_err(|cause| unreachable(&cause))
    }
}

#[async_trait]
impl Bucket for NatsBucket {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        entry_of(self.store().await?, key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        match self.update(key, value.clone(), expected).await {
            // What was deleted has left a marker, and that has a revision.
            Err(WriteError::Conflict(_)) if expected == 0 => {
                let marker = self
                    .get(key)
                    .await?
                    .filter(|entry| entry.value.is_none())
                    .ok_or_else(|| WriteError::Conflict(key.to_owned()))?;
                self.update(key, value, marker.revision).await
            }
            written => written,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        let deleted = self.store().await?.delete(key).await;
        deleted.map_err(|cause| unreachable(&cause))
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        let store = self.store().await?;
        let removed = store.delete_expect_revision(key, Some(expected)).await;
        removed.map_err(|cause| match cause.kind() {
            DeleteErrorKind::WrongLastRevision => WriteError::Conflict(key.to_owned()),
            _ => WriteError::Broker(unreachable(&cause)),
        })
    }

    async fn revision(&self) -> Result<u64, BrokerError> {
        // Asked of the leader. The client's own status of a bucket is what was when the bucket was opened.
        last_entry(self.store().await?).await
    }

    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        Ok(Box::new(
            NatsWatch::begin(&self.jetstream, self.store().await?).await?,
        ))
    }
}
