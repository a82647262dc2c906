//! Deleting a tenant, from the entry that says so: pipelines that were made while it was deleted, its tokens, its
//! plugins with their bytes, its schemas, and its entry last.

use std::collections::BTreeSet;

use tailrace_core::{
    failpoint::{self, Point},
    identity::Digest,
    life::Life,
    name::Name,
    registry::{Key, Pipeline, PipelinePhase, Tenant, end_mark},
    world::World,
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
        self.mark_end(name, life).await?;
        self.delete_pipelines(name).await?;
        self.delete_streams(name, life).await?;
        failpoint::pass(Point::TenantPipelinesGone);
        for token in self.context.tokens_of(Some(name))? {
            self.context.remove(&Key::Token(token.hash)).await?;
        }
        failpoint::pass(Point::TenantTokensGone);
        // Their bytes first: once the entries are gone, nobody knows which those were.
        let registry = self.context.registry()?;
        let own = registry.versions().filter(|(owner, _)| *owner == name);
        let versions: Vec<_> = own.map(|(_, version)| version.clone()).collect();
        let digests: BTreeSet<Digest> = versions.iter().map(|version| version.digest).collect();
        for digest in digests {
            self.remove_component(digest, |owner, version| {
                owner == name && versions.iter().any(|own| own.life == version.life)
            })
            .await?;
        }
        failpoint::pass(Point::TenantComponentsGone);
        for version in versions {
            let key = Key::Plugin(name.clone(), version.plugin.clone());
            if let Some(written) = registry.written.get(&key.to_string()) {
                self.context.remove_at(&key, *written).await?;
            }
        }
        failpoint::pass(Point::TenantVersionsGone);
        self.delete_schemas(name).await?;
        self.context.remove_at(&key, revision).await?;
        failpoint::pass(Point::TenantDone);
        self.context
            .wait_until(|registry| registry.tenants.get(name).is_none_or(|known| known.life != life))
            .await
    }

    /// Leaves the mark by which what is still written for this life is told from what somebody else took the tenant
    /// from.
    pub(crate) async fn mark_end(&self, tenant: &Name, life: Life) -> ControlResult<()> {
        if !self.context.registry()?.ended.contains(&(tenant.clone(), life)) {
            self.context
                .world
                .registry
                .delete(&end_mark(tenant, life))
                .await?;
        }
        Ok(())
    }

    /// Its schemas, the versions first: a version without its schema is nobody's, and gone the same way.
    async fn delete_schemas(&self, tenant: &Name) -> ControlResult<()> {
        let registry = self.context.registry()?;
        let versions = registry
            .all_schema_versions_of(tenant)
            .map(|version| Key::SchemaVersion(tenant.clone(), version.schema.clone(), version.version));
        let schemas = registry
            .schemas_of(tenant)
            .map(|schema| Key::Schema(tenant.clone(), schema.name.clone()));
        for key in versions.chain(schemas) {
            if let Some(written) = registry.written.get(&key.to_string()) {
                self.context.remove_at(&key, *written).await?;
            }
        }
        Ok(())
    }

    /// The streams that it made, and their events. Where its account cannot be opened, they stay in there: nobody
    /// else's are in the way, and the tenant's end does not wait for them.
    async fn delete_streams(&self, tenant: &Name, life: Life) -> ControlResult<()> {
        match self.context.world_of(tenant).await {
            Err(ControlError::Account(cause)) => {
                tracing::warn!(%tenant, %cause, "the streams of a deleted tenant stay in its account");
                Ok(())
            }
            world => self.delete_streams_in(&world?, tenant, life).await,
        }
    }

    /// Those of them that lie in this account.
    pub(crate) async fn delete_streams_in(
        &self,
        world: &World,
        tenant: &Name,
        life: Life,
    ) -> ControlResult<()> {
        for stream in world.tenant_streams.of(tenant, life).await? {
            world
                .tenant_streams
                .remove(tenant, life, &stream.wanted.name)
                .await?;
        }
        Ok(())
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
}
