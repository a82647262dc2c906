//! The registry: bucket `tailrace_registry` and object store `tailrace_plugins`; and the bucket of the
//! engines' leases.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tailrace_core::{
    identity::Digest,
    ports::{
        broker::{BrokerError, Streams as _},
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
};

use crate::{
    bucket::NatsBucket,
    connect::{NatsBroker, REGISTRY},
    objects::reading::Listed,
    stream_info::StreamInfo,
};

const LEASES: &str = "tailrace_engines";
const ALARMS: &str = "tailrace_alarms";
const PLUGINS: &str = "tailrace_plugins";
/// Leases are renewed every few seconds; what has not been for so long is of an engine long gone.
pub(crate) const LEASE_KEPT: Duration = Duration::from_mins(5);

impl NatsBroker {
    /// The bucket of the engines' leases.
    pub fn leases(&self) -> NatsBucket {
        NatsBucket::new(self.handle(), LEASES, LEASE_KEPT, &self.options)
    }

    /// The bucket of what alarms remember.
    pub fn alarms(&self) -> NatsBucket {
        NatsBucket::new(self.handle(), ALARMS, Duration::ZERO, &self.options)
    }
}

#[async_trait]
impl Bucket for NatsBroker {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        self.registry.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        self.registry.put(key, value, expected).await
    }

    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.registry.delete(key).await
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.registry.remove(key, expected).await
    }

    async fn revision(&self) -> Result<u64, BrokerError> {
        self.registry.revision().await
    }

    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.registry.watch().await
    }
}

#[async_trait]
impl RegistryStore for NatsBroker {
    async fn created(&self) -> Result<Option<String>, BrokerError> {
        match self.stream(&format!("KV_{REGISTRY}")).await {
            Err(BrokerError::NoStream(_)) => Ok(None),
            facts => Ok(Some(facts?.created)),
        }
    }

    async fn keys(&self) -> Result<Option<u64>, BrokerError> {
        // The bucket keeps one message for each key.
        let info: StreamInfo = self
            .ask(&format!("STREAM.INFO.KV_{REGISTRY}"), &Value::Null)
            .await?;
        Ok(Some(info.state.messages))
    }

    async fn make(&self) -> Result<(), BrokerError> {
        self.registry.make().await
    }

    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        let store = self.objects(PLUGINS);
        store.put(&digest.to_string(), BTreeMap::new(), &component).await
    }

    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        let Some(found) = self.objects(PLUGINS).get(&digest.to_string()).await? else {
            return Ok(None);
        };
        if Digest::of(&found.bytes) != digest {
            tracing::error!(%digest, "the bytes of a plugin are not those that were uploaded");
            return Ok(None);
        }
        Ok(Some(found.bytes.into()))
    }

    async fn plugin_digests(&self) -> Result<Vec<Digest>, BrokerError> {
        let Listed { objects, cut_off } = self.objects(PLUGINS).list().await?;
        let names = objects.iter().chain(&cut_off);
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    async fn stored_until(&self) -> Result<u64, BrokerError> {
        self.objects(PLUGINS).last_sequence().await
    }

    async fn delete_plugin(&self, digest: Digest, until: u64) -> Result<(), BrokerError> {
        self.objects(PLUGINS)
            .delete_until(&digest.to_string(), until)
            .await
    }
}
