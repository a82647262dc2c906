//! A key-value bucket: made when first needed, and again where it is gone, but for the registry's. A bucket that
//! begins anew has lost what was in it, and only its owner knows whether that is to be borne.

use std::{error::Error as _, time::Duration};

use async_nats::jetstream::{
    ErrorCode,
    context::{GetStreamError, GetStreamErrorKind, KeyValueError},
    kv::{self, DeleteErrorKind, UpdateErrorKind},
};
use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::ports::{
    broker::BrokerError,
    registry::{Bucket, Entry, Watch, WriteError},
};
use tokio::sync::Mutex;

use crate::{
    error::failed,
    handle::NatsHandle,
    options::{NatsOptions, Placement, Replicas},
    watch::{NatsWatch, entry_of, last_entry},
};

/// A bucket by its name.
pub struct NatsBucket {
    handle: NatsHandle,
    name: &'static str,
    max_age: Duration,
    replicas: Replicas,
    placement: Placement,
    /// Whether it is made when it is not there.
    is_made: bool,
    opened: Mutex<Opened>,
}

/// A bucket, as far as it is known.
#[derive(Default)]
struct Opened {
    /// None until it is needed, and after a failure: it may be gone, or another one.
    store: Option<kv::Store>,
    /// Over which client.
    generation: u64,
    /// Whether it was there before.
    was_there: bool,
}

impl NatsBucket {
    /// A bucket whose keys go when they have not been written for `max_age`; zero keeps them.
    pub(crate) fn new(
        handle: NatsHandle,
        name: &'static str,
        max_age: Duration,
        options: &NatsOptions,
    ) -> Self {
        Self {
            replicas: options.replicas,
            placement: options.placement.clone(),
            handle,
            name,
            max_age,
            is_made: true,
            opened: Mutex::default(),
        }
    }

    /// One that is made by [`NatsBucket::make`] alone.
    pub(crate) fn unmade(self) -> Self {
        Self {
            is_made: false,
            ..self
        }
    }

    fn failed(&self, cause: &(dyn std::error::Error + 'static)) -> BrokerError {
        failed(cause, &format!("KV_{}", self.name))
    }

    /// The bucket, where something of it is to go; none where it is not there, for then that is gone. To make it for
    /// that would fail where the broker has no room, and a deletion needs none.
    async fn store_to_clear(&self) -> Result<Option<kv::Store>, BrokerError> {
        if !self.is_made || self.known(&*self.opened.lock().await).is_some() {
            return self.store().await.map(Some);
        }
        match self.handle.jetstream().get_key_value(self.name).await {
            Ok(known) => Ok(Some(known)),
            Err(cause) if is_absent(&cause) => Ok(None),
            Err(cause) => Err(self.failed(&cause)),
        }
    }

    /// What was opened over the client that there is now.
    fn known<'a>(&self, opened: &'a Opened) -> Option<&'a kv::Store> {
        let is_of_now = opened.generation == self.handle.generation();
        opened.store.as_ref().filter(|_| is_of_now)
    }

    async fn store(&self) -> Result<kv::Store, BrokerError> {
        let mut opened = self.opened.lock().await;
        if let Some(store) = self.known(&opened) {
            return Ok(store.clone());
        }
        let generation = self.handle.generation();
        let store = match self.handle.jetstream().get_key_value(self.name).await {
            Ok(known) => known,
            Err(cause) if !self.is_made || !is_absent(&cause) => return Err(self.failed(&cause)),
            Err(_) => {
                let made = self.create_with_replicas().await?;
                if opened.was_there {
                    tracing::warn!(
                        bucket = self.name,
                        "a bucket was gone from the broker; it was made anew, empty"
                    );
                }
                made
            }
        };
        opened.was_there = true;
        opened.store = Some(store.clone());
        opened.generation = generation;
        Ok(store)
    }

    /// Makes it, unless it is there.
    pub(crate) async fn make(&self) -> Result<(), BrokerError> {
        self.create_with_replicas().await.map(drop)
    }

    async fn create_with_replicas(&self) -> Result<kv::Store, BrokerError> {
        match (self.create(self.replicas.wanted()).await, self.replicas) {
            // One server, or too few: as many as there can be.
            (Err(_), Replicas::Auto) => self.create(1).await,
            (made, _) => made,
        }
    }

    /// After a failure it is looked for once more: it may be gone.
    async fn heeded<T, E>(&self, outcome: Result<T, E>, is_brokers: impl FnOnce(&E) -> bool) -> Result<T, E> {
        if outcome.as_ref().err().is_some_and(is_brokers) {
            self.opened.lock().await.store = None;
        }
        outcome
    }
}

impl NatsBucket {
    async fn update(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let written = self.store().await?.update(key, value, expected).await;
        let written = written.map_err(|cause| match cause.kind() {
            UpdateErrorKind::WrongLastRevision => WriteError::Conflict(key.to_owned()),
            _ => WriteError::Broker(self.failed(&cause)),
        });
        self.heeded(written, is_brokers).await
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
        let made = self.handle.jetstream().create_key_value(config).await;
        made.map_err(|cause| self.failed(&cause))
    }
}

#[async_trait]
impl Bucket for NatsBucket {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        let found = entry_of(&self.store().await?, key).await;
        self.heeded(found, |_| true).await
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
        let Some(store) = self.store_to_clear().await? else {
            return Ok(());
        };
        let deleted = store.delete(key).await;
        let deleted = deleted.map_err(|cause| self.failed(&cause));
        self.heeded(deleted, |_| true).await
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        let Some(store) = self.store_to_clear().await? else {
            return Ok(());
        };
        let removed = store.delete_expect_revision(key, Some(expected)).await;
        let removed = removed.map_err(|cause| match cause.kind() {
            DeleteErrorKind::WrongLastRevision => WriteError::Conflict(key.to_owned()),
            _ => WriteError::Broker(self.failed(&cause)),
        });
        self.heeded(removed, is_brokers).await
    }

    async fn revision(&self) -> Result<u64, BrokerError> {
        // Asked of the leader. The client's own status of a bucket is what was when the bucket was opened.
        let last = last_entry(&self.store().await?).await;
        self.heeded(last, |_| true).await
    }

    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        let begun = NatsWatch::begin(self.handle.clone(), &self.store().await?).await;
        Ok(Box::new(self.heeded(begun, |_| true).await?))
    }
}

/// Whether the broker says that there is no such bucket. Without an answer that is not known.
fn is_absent(cause: &KeyValueError) -> bool {
    let of_stream = cause
        .source()
        .and_then(|cause| cause.downcast_ref::<GetStreamError>());
    of_stream.is_some_and(|cause| {
        matches!(cause.kind(), GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND)
    })
}

fn is_brokers(cause: &WriteError) -> bool {
    matches!(cause, WriteError::Broker(_))
}
