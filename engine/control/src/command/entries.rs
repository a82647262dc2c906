//! Entries of the registry: written by compare-and-set, and seen by this engine before the answer is given.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tailrace_core::{
    ports::{broker::BrokerError, registry::WriteError},
    registry::{Key, Registry},
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// Longest that a writer waits until its own engine has seen what it wrote.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(5);

impl Commands {
    /// Writes an entry whose revision is `expected`, and waits until this engine sees it.
    pub(crate) async fn write(&self, key: &Key, value: &impl Serialize, expected: u64) -> ControlResult<()> {
        let bytes = serde_json::to_vec(value).map_err(|cause| ControlError::Internal(cause.to_string()))?;
        let written = self
            .context
            .world
            .registry
            .put(&key.to_string(), Bytes::from(bytes), expected)
            .await;
        let revision = written.map_err(|cause| match cause {
            WriteError::Conflict(_) => ControlError::Conflict(format!(
                "{key} was changed by somebody else meanwhile; look again and repeat"
            )),
            WriteError::Broker(cause) => cause.into(),
        })?;
        self.wait_until(|registry| registry.revision >= revision).await
    }

    pub(crate) async fn remove(&self, key: &Key) -> ControlResult<()> {
        Ok(self.context.world.registry.delete(&key.to_string()).await?)
    }

    /// Revision that a write of a key which does not exist must expect.
    pub(crate) async fn revision_of(&self, key: &Key) -> ControlResult<u64> {
        let entry = self.context.world.registry.get(&key.to_string()).await?;
        Ok(entry.map_or(0, |entry| entry.revision))
    }

    pub(crate) async fn wait_until(&self, seen: impl Fn(&Registry) -> bool) -> ControlResult<()> {
        let mut registry = self.context.registry.clone();
        let wait = registry.wait_for(|registry| registry.as_ref().is_some_and(|registry| seen(registry)));
        match tokio::time::timeout(SEEN_WITHIN, wait).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                Err(BrokerError::Unreachable("the change was written, but is not seen yet".to_owned()).into())
            }
        }
    }
}
