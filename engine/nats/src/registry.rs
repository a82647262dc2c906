//! The registry: bucket `tailrace_registry` and object store `tailrace_plugins`.

use async_nats::jetstream::kv::{self, Operation, UpdateErrorKind};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use tailrace_core::{
    identity::Digest,
    ports::{
        broker::BrokerError,
        registry::{Entry, RegistryStore, Watch, WriteError},
    },
};

use crate::{
    connect::NatsBroker,
    objects::{self, unreachable},
};

const BUCKET: &str = "tailrace_registry";
const PLUGINS: &str = "tailrace_plugins";

impl NatsBroker {
    async fn bucket(&self) -> Result<&kv::Store, BrokerError> {
        self.bucket
            .get_or_try_init(|| async {
                if let Ok(known) = self.jetstream.get_key_value(BUCKET).await {
                    return Ok(known);
                }
                let config = kv::Config {
                    bucket: BUCKET.to_owned(),
                    history: 1,
                    ..kv::Config::default()
                };
                self.jetstream
                    .create_key_value(config)
                    .await
                    .map_err(|cause| unreachable(&cause))
            })
            .await
    }
}

fn entry(entry: kv::Entry) -> Entry {
    let value = (entry.operation == Operation::Put).then_some(entry.value);
    Entry {
        key: entry.key,
        value,
        revision: entry.revision,
    }
}

#[async_trait]
impl RegistryStore for NatsBroker {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        let found = self
            .bucket()
            .await?
            .entry(key)
            .await
            .map_err(|cause| unreachable(&cause))?;
        Ok(found.map(entry))
    }

    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let written = self.bucket().await?.update(key, value, expected).await;
        written.map_err(|cause| match cause.kind() {
            UpdateErrorKind::WrongLastRevision => WriteError::Conflict(key.to_owned()),
            _ => WriteError::Broker(unreachable(&cause)),
        })
    }

    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.bucket()
            .await?
            .delete(key)
            .await
            .map_err(|cause| unreachable(&cause))
    }

    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        let bucket = self.bucket().await?;
        let status = bucket.status().await.map_err(|cause| unreachable(&cause))?;
        let empty = status.values() == 0;
        let entries = bucket
            .watch_with_history(">")
            .await
            .map_err(|cause| unreachable(&cause))?;
        Ok(Box::new(NatsWatch {
            entries,
            marker_due: empty,
            marked: false,
        }))
    }

    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        let store = self.objects(&self.plugins, PLUGINS).await?;
        let name = digest.to_string();
        // Under its digest lies what has that digest, or nothing.
        if objects::get(store, &name)
            .await?
            .is_some_and(|known| Digest::of(&known) == digest)
        {
            return Ok(());
        }
        objects::put(store, name.as_str().into(), &component).await
    }

    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        let store = self.objects(&self.plugins, PLUGINS).await?;
        let found = objects::get(store, &digest.to_string()).await?;
        Ok(found.filter(|component| {
            let sound = Digest::of(component) == digest;
            if !sound {
                tracing::error!(%digest, "the bytes of a plugin are not those that were uploaded");
            }
            sound
        }))
    }
}

struct NatsWatch {
    entries: kv::Watch,
    /// Everything that was there has been given; the marker comes next.
    marker_due: bool,
    marked: bool,
}

#[async_trait]
impl Watch for NatsWatch {
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        if self.marker_due && !self.marked {
            self.marked = true;
            return Ok(None);
        }
        match self.entries.next().await {
            Some(Ok(found)) => {
                self.marker_due |= found.delta == 0;
                Ok(Some(entry(found)))
            }
            Some(Err(cause)) => Err(unreachable(&cause)),
            None => Err(unreachable(&"the watch ended")),
        }
    }
}
