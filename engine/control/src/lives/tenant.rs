//! Deleting a tenant, from the entry that says so: pipelines that were made while it was deleted, its tokens, its
//! plugins with their bytes, and its entry last.

use tailrace_core::{
    failpoint::{self, Point},
    identity::Digest,
    life::Life,
    name::Name,
    registry::{Key, Pipeline, PipelinePhase, Tenant},
};

use crate::{
    error::{ControlError, ControlResult},
    lives::{Intent, Lives},
};

impl Lives {
    /// Deletes a tenant of this life, unless that is done.
    pub(super) async fn delete_tenant(&self, name: &Name, life: Life) -> ControlResult<()> {
        let key = Key::Tenant(name.clone());
        let Some((tenant, revision)) = self.context.read::<Tenant>(&key).await? else {
            return Ok(());
        };
        if tenant.life != life || !tenant.deleting {
            return Ok(());
        }
        failpoint::pass(Point::TenantBegun);
        // What was written before the tenant's entry is in this view.
        self.context
            .wait_until(|registry| registry.revision >= revision)
            .await?;
        self.delete_pipelines(name).await?;
        failpoint::pass(Point::TenantPipelinesGone);
        for token in self.context.tokens_of(Some(name))? {
            self.context.remove(&Key::Token(token.hash)).await?;
        }
        failpoint::pass(Point::TenantTokensGone);
        let versions: Vec<_> = self.context.registry()?.plugins_of(name).cloned().collect();
        for version in versions {
            let key = Key::Plugin(name.clone(), version.plugin.clone());
            self.context.remove(&key).await?;
        }
        failpoint::pass(Point::TenantVersionsGone);
        // Of all that nobody has, not only of these: whoever began this may have come no further than the entries.
        self.remove_unused_components().await?;
        failpoint::pass(Point::TenantComponentsGone);
        self.context.remove_at(&key, revision).await?;
        failpoint::pass(Point::TenantDone);
        self.context
            .wait_until(|registry| registry.tenants.get(name).is_none_or(|known| known.life != life))
            .await
    }

    /// Pipelines that were made between the look whether there are any and the tenant's end.
    async fn delete_pipelines(&self, tenant: &Name) -> ControlResult<()> {
        let ids: Vec<_> = self
            .context
            .registry()?
            .pipelines_of(tenant)
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let key = Key::Pipeline(id.clone());
            let Some((mut pipeline, revision)) = self.context.read::<Pipeline>(&key).await? else {
                continue;
            };
            if pipeline.phase != PipelinePhase::Deleting {
                pipeline.phase = PipelinePhase::Deleting;
                self.context.write(&key, &pipeline, revision).await?;
            }
            self.finish(Intent::Delete(id, pipeline.life)).await?;
        }
        // What cannot be read is not absent: the tenant waits until it is mended, and goes with it.
        let registry = self.context.registry()?;
        match registry.unreadable_of(tenant).next() {
            Some(key) => Err(ControlError::Conflict(format!(
                "tenant {tenant} is deleted when its entry {key} can be read"
            ))),
            None => Ok(()),
        }
    }

    /// Deletes the bytes of a plugin that no version refers to. An upload of the same bytes may be under way: it
    /// looks for them after it has written its entry, and this looks for entries after it has deleted them.
    pub(crate) async fn remove_component(&self, digest: Digest) -> ControlResult<()> {
        let is_used = || async {
            let seen = self.context.registry_now().await?;
            let mut versions = seen.plugins.values();
            // A version that cannot be read may be of these bytes.
            let mut hidden = seen.unreadable.keys().map(|key| key.parse());
            let is_hidden = hidden.any(|key| matches!(key, Ok(Key::Plugin(..))));
            Ok::<_, ControlError>(is_hidden || versions.any(|version| version.digest == digest))
        };
        let registry = &self.context.world.registry;
        // Again after bytes were given back: who else removed the last version meanwhile found none to delete.
        while !is_used().await? {
            let component = registry.plugin(digest).await?;
            registry.delete_plugin(digest).await?;
            match component {
                Some(component) if is_used().await? => registry.put_plugin(digest, component).await?,
                _ => {
                    self.context.world.plugins.forget(digest);
                    break;
                }
            }
        }
        Ok(())
    }
}
