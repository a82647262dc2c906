//! Deleting a tenant, from the entry that says so: pipelines that were made while it was deleted, its tokens, its
//! plugins with their bytes, and its entry last.

use std::collections::BTreeSet;

use tailrace_core::{
    failpoint::{self, Point},
    identity::Digest,
    life::Life,
    name::Name,
    registry::{Key, Pipeline, PipelinePhase, Tenant},
};

use crate::{
    error::ControlResult,
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
        let digests: BTreeSet<Digest> = versions.iter().map(|version| version.digest).collect();
        for version in versions {
            let key = Key::Plugin(name.clone(), version.plugin.clone());
            self.context.remove(&key).await?;
        }
        failpoint::pass(Point::TenantVersionsGone);
        for digest in digests {
            self.remove_component(digest).await?;
        }
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
        Ok(())
    }

    /// Deletes the bytes of a plugin that no version refers to. An upload of the same bytes may be under way: it
    /// looks for them after it has written its entry, and this looks for entries after it has deleted them.
    pub(crate) async fn remove_component(&self, digest: Digest) -> ControlResult<()> {
        let is_used = || async {
            let seen = self.context.registry_now().await?;
            let mut versions = seen.plugins.values();
            Ok::<bool, crate::error::ControlError>(versions.any(|version| version.digest == digest))
        };
        if is_used().await? {
            return Ok(());
        }
        let registry = &self.context.world.registry;
        let Some(component) = registry.plugin(digest).await? else {
            return Ok(registry.delete_plugin(digest).await?);
        };
        registry.delete_plugin(digest).await?;
        if is_used().await? {
            registry.put_plugin(digest, component).await?;
        }
        Ok(())
    }
}
