//! Where tenants, plugins and pipelines are kept: a key-value bucket with compare-and-set and a
//! watch, and a store of plugin bytes. Implemented by `engine/nats` over JetStream KV and object
//! store, so every engine sees the same.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{identity::Digest, ports::broker::BrokerError};

/// A key as it stands.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its key: dot-separated tokens of names and numbers.
    pub key: String,
    /// Its value; none if it was deleted.
    pub value: Option<Bytes>,
    /// Its revision, to compare and set.
    pub revision: u64,
}

/// A write failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// Somebody else wrote the key since it was read. Nothing was written.
    #[error("{0} was changed by somebody else meanwhile; read it again and repeat")]
    Conflict(String),
    /// The broker failed; whether it was written is not known.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// A bucket of keys: the registry's, or that of the engines' leases.
#[async_trait]
pub trait Bucket: Send + Sync {
    /// A key as it stands now.
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError>;
    /// Writes a key whose current revision is `expected` (0: it does not exist, or was deleted); gives the new
    /// revision.
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError>;
    /// Deletes a key whatever it holds.
    async fn delete(&self, key: &str) -> Result<(), BrokerError>;
    /// Deletes a key whose current revision is `expected`.
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError>;
    /// The last revision that the bucket ever gave.
    async fn revision(&self) -> Result<u64, BrokerError>;
    /// All entries now, and all changes from then on. Survives reconnects: after one it may repeat entries.
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError>;
}

/// The registry's bucket, and the plugins' bytes.
#[async_trait]
pub trait RegistryStore: Bucket {
    /// When the bucket was made, as the broker writes it: tells one that was made anew. None where there is none; no
    /// other request makes it.
    async fn created(&self) -> Result<Option<String>, BrokerError>;
    /// How many keys the bucket holds, with those whose deletion has left a marker; none where that is not known.
    async fn keys(&self) -> Result<Option<u64>, BrokerError> {
        Ok(None)
    }
    /// Makes the bucket, unless it is there.
    async fn make(&self) -> Result<(), BrokerError>;
    /// Stores a plugin's component under its digest, anew if it is there: a deletion that is on its way leaves what
    /// was stored since.
    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError>;
    /// A plugin's component, verified against its digest.
    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError>;
    /// Digests of the components that are stored.
    async fn plugin_digests(&self) -> Result<Vec<Digest>, BrokerError>;
    /// How far the components have come: what is stored after this bears a higher number.
    async fn stored_until(&self) -> Result<u64, BrokerError>;
    /// Deletes what was stored of a component up to `until`; fine if there is none.
    async fn delete_plugin(&self, digest: Digest, until: u64) -> Result<(), BrokerError>;
}

/// The flow of entries of a watch.
#[async_trait]
pub trait Watch: Send {
    /// The next entry; `None` once, when all that was there at the beginning has been given.
    /// Errors are worth another call.
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError>;
}
