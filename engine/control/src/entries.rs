//! Entries of the registry: written by compare-and-set, and seen by this engine before the answer is given.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tailrace_core::{
    identity::PipelineId,
    life::Life,
    ports::{broker::BrokerError, registry::WriteError},
    registry::{Key, Pipeline, Registry, Revision},
};

use crate::{
    context::Context,
    error::{ControlError, ControlResult},
};

/// Longest that a writer waits until its own engine has seen what it wrote.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(5);

impl Context {
    /// Writes an entry whose revision is `expected`, 0 where there is none, and waits until this engine sees it.
    /// Gives its new revision.
    pub(crate) async fn write(&self, key: &Key, value: &impl Serialize, expected: u64) -> ControlResult<u64> {
        let bytes = serde_json::to_vec(value).map_err(|cause| ControlError::Internal(cause.to_string()))?;
        let name = key.to_string();
        let written = self.world.registry.put(&name, Bytes::from(bytes), expected).await;
        let revision = written.map_err(|cause| changed(key, cause))?;
        self.wait_until(|registry| registry.revision >= revision).await?;
        Ok(revision)
    }

    /// Keeps a revision of this life under a key of its own, after its pipeline's entry has said it: the entry
    /// counts, also where what is under the key cannot be read. Whoever comes too late, because the name has another
    /// life by now, changes nothing.
    pub(crate) async fn keep_revision(
        &self,
        id: &PipelineId,
        life: Life,
        revision: &Revision,
    ) -> ControlResult<()> {
        let key = Key::Revision(id.clone(), revision.number);
        let entry = self.world.registry.get(&key.to_string()).await?;
        let expected = entry.as_ref().map_or(0, |entry| entry.revision);
        if let Some(value) = entry.and_then(|entry| entry.value) {
            match serde_json::from_slice::<Revision>(&value) {
                Ok(kept) if kept == *revision => return Ok(()),
                Ok(_) => {}
                Err(cause) => {
                    tracing::warn!(%key, %cause, "a revision that cannot be read is kept anew, as the pipeline's entry says it");
                }
            }
        }
        // Looked at after the key: what another life has written under it since is a conflict.
        let pipeline = self.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        if pipeline.is_none_or(|(known, _)| known.life != life) {
            return Ok(());
        }
        match self.write(&key, revision, expected).await {
            // Somebody else keeps it, and it says the same.
            Ok(_) | Err(ControlError::Raced(_)) => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    /// Removes an entry whatever it says.
    pub(crate) async fn remove(&self, key: &Key) -> ControlResult<()> {
        Ok(self.world.registry.delete(&key.to_string()).await?)
    }

    /// Removes an entry whose revision is `expected`.
    pub(crate) async fn remove_at(&self, key: &Key, expected: u64) -> ControlResult<()> {
        let removed = self.world.registry.remove(&key.to_string(), expected).await;
        removed.map_err(|cause| changed(key, cause))
    }

    pub(crate) async fn wait_until(&self, seen: impl Fn(&Registry) -> bool) -> ControlResult<()> {
        self.wait_within(SEEN_WITHIN, seen).await
    }

    /// Waits until this engine's view of the registry is so.
    pub(crate) async fn wait_within(
        &self,
        longest: Duration,
        seen: impl Fn(&Registry) -> bool,
    ) -> ControlResult<()> {
        let mut registry = self.registry.clone();
        let wait = registry.wait_for(|registry| registry.as_ref().is_some_and(|registry| seen(registry)));
        match tokio::time::timeout(longest, wait).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                Err(BrokerError::Unreachable("the change was written, but is not seen yet".to_owned()).into())
            }
        }
    }
}

fn changed(key: &Key, cause: WriteError) -> ControlError {
    match cause {
        WriteError::Conflict(_) => ControlError::Raced(in_words(key)),
        WriteError::Broker(cause) => cause.into(),
    }
}

/// What a key is about, as those call it who never saw one.
fn in_words(key: &Key) -> String {
    match key {
        Key::Tenant(tenant) => format!("tenant {tenant}"),
        Key::Token(_) => "the token".to_owned(),
        Key::Plugin(_, plugin) => format!("plugin {plugin}"),
        Key::Pipeline(id) => format!("pipeline {}", id.pipeline),
        Key::Revision(id, number) => format!("revision {number} of pipeline {}", id.pipeline),
        Key::Schema(_, schema) => format!("schema {schema}"),
        Key::SchemaVersion(_, schema, number) => format!("version {number} of schema {schema}"),
    }
}
