//! Object stores: made when first needed.

use async_nats::jetstream::object_store::{Config, GetErrorKind, ObjectMetadata, ObjectStore};
use bytes::Bytes;
use tailrace_core::ports::broker::BrokerError;
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;

use crate::{connect::NatsBroker, error::unreachable};

impl NatsBroker {
    /// Opens an object store, or makes it.
    pub(crate) async fn objects<'a>(
        &self,
        cell: &'a OnceCell<ObjectStore>,
        bucket: &str,
    ) -> Result<&'a ObjectStore, BrokerError> {
        cell.get_or_try_init(|| async {
            if let Ok(known) = self.jetstream.get_object_store(bucket).await {
                return Ok(known);
            }
            let config = Config {
                bucket: bucket.to_owned(),
                ..Config::default()
            };
            self.jetstream
                .create_object_store(config)
                .await
                .map_err(|cause| unreachable(&cause))
        })
        .await
    }
}

/// Stores an object.
pub(crate) async fn put(
    store: &ObjectStore,
    metadata: ObjectMetadata,
    bytes: &[u8],
) -> Result<(), BrokerError> {
    let mut reader = bytes;
    store
        .put(metadata, &mut reader)
        .await
        .map(drop)
        .map_err(|cause| unreachable(&cause))
}

/// Reads an object; none where there is none.
pub(crate) async fn get(store: &ObjectStore, name: &str) -> Result<Option<Bytes>, BrokerError> {
    let mut object = match store.get(name).await {
        Ok(object) => object,
        Err(cause) if cause.kind() == GetErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unreachable(&cause)),
    };
    let mut bytes = Vec::with_capacity(object.info.size);
    object
        .read_to_end(&mut bytes)
        .await
        .map_err(|cause| unreachable(&cause))?;
    Ok(Some(bytes.into()))
}
