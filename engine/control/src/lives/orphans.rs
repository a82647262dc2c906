//! Clearing away entries of tenants that are gone: what a request left behind that was cut off, or that lost
//! against the deletion of its tenant.

use tailrace_core::{
    identity::PipelineId,
    ports::broker::BrokerError,
    registry::{Key, Pipeline, PipelinePhase, PluginVersion, Registry},
    subject,
};

use crate::{
    error::{ControlError, ControlResult},
    lives::{Intent, Lives},
};

impl Lives {
    /// Removes the bytes of plugins that no version has: an engine before uploads
    /// had entries of their own was cut off, or bytes came late.
    pub(super) async fn sweep_components(&self) {
        let swept = async {
            let registry = self.context.registry_now().await?;
            self.context.check_standing()?;
            let known = registry.components();
            for digest in self.context.world.registry.plugin_digests().await? {
                if known.as_ref().is_some_and(|known| !known.contains(&digest)) {
                    tracing::info!(%digest, "the bytes of a plugin that no version has are removed");
                    self.remove_component(digest, |_, _| false).await?;
                }
            }
            Ok::<_, ControlError>(())
        };
        if let Err(cause) = swept.await {
            tracing::warn!(%cause, "bytes that no plugin version has could not be looked for");
        }
    }

    /// Removes an entry that belongs to nobody, if that is still so.
    pub(super) async fn remove_orphan(&self, key: &Key) -> ControlResult<()> {
        let registry = self.context.registry()?;
        if !registry.orphans.contains(key) {
            return Ok(());
        }
        if let Key::Revision(id, _) = key
            && !registry.pipelines.contains_key(id)
            && self.has_own_stream(id).await?
        {
            // A deletion that somebody ordered takes the stream first. So the entry was removed by hand, and may be
            // put back.
            return Ok(());
        }
        tracing::info!(%key, "an entry whose tenant, or pipeline, is gone is removed");
        match key {
            Key::Pipeline(id) => self.end_orphan(id, &registry, key).await,
            Key::Plugin(..) => {
                // Its bytes first: once the entry is gone, nobody knows which those were.
                if let Some((version, _)) = self.seen::<PluginVersion>(&registry, key).await? {
                    self.remove_component(version.digest, |_, _| false).await?;
                }
                self.remove_seen(&registry, key).await
            }
            key => self.remove_seen(&registry, key).await,
        }
    }

    async fn has_own_stream(&self, id: &PipelineId) -> ControlResult<bool> {
        let account = self.context.account_of(&id.tenant);
        let world = self.context.world.of(account.as_ref()).await?;
        match world.streams.stream(&subject::stream_name(id)).await {
            Err(BrokerError::NoStream(_)) => Ok(false),
            facts => Ok(facts?.is_engines),
        }
    }

    /// Removes an entry as it was seen: one that was written since is another matter.
    async fn remove_seen(&self, registry: &Registry, key: &Key) -> ControlResult<()> {
        let Some(revision) = registry.written.get(&key.to_string()) else {
            return Ok(());
        };
        self.context.remove_at(key, *revision).await?;
        self.context
            .wait_until(|registry| !registry.orphans.contains(key))
            .await
    }

    /// Begins to delete a pipeline, and leaves that to a task of its own. To wait for it would be to hold a permit
    /// that it may need: where there are as many orphans as permits, none would ever be deleted.
    async fn end_orphan(&self, id: &PipelineId, registry: &Registry, key: &Key) -> ControlResult<()> {
        let Some((mut pipeline, revision)) = self.seen::<Pipeline>(registry, key).await? else {
            return Ok(());
        };
        if pipeline.phase != PipelinePhase::Deleting {
            pipeline.phase = PipelinePhase::Deleting;
            self.context.write(key, &pipeline, revision).await?;
        }
        self.begin(Intent::Delete(id.clone(), pipeline.life));
        Ok(())
    }

    /// An entry, if it is still the one that was seen.
    async fn seen<T: serde::de::DeserializeOwned>(
        &self,
        registry: &Registry,
        key: &Key,
    ) -> ControlResult<Option<(T, u64)>> {
        let written = registry.written.get(&key.to_string());
        let known = self.context.read(key).await?;
        Ok(known.filter(|(_, revision)| Some(revision) == written))
    }
}
