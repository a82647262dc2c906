//! What is registered: tenants, plugins, pipelines and their revisions.

use std::sync::Arc;

use tailrace_core::{
    identity::PipelineId,
    manifest::PluginRef,
    name::Name,
    observe::status::State,
    registry::{Pipeline, PluginVersion, Tenant},
};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

impl Queries {
    /// A tenant.
    pub fn get_tenant(&self, name: &Name) -> ControlResult<Arc<Tenant>> {
        self.context.tenant(name)
    }

    /// All tenants.
    pub fn list_tenants(&self) -> ControlResult<Vec<Arc<Tenant>>> {
        Ok(self.context.registry()?.tenants.values().cloned().collect())
    }

    /// A plugin version.
    pub fn get_plugin(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<Arc<PluginVersion>> {
        self.context
            .known_version(tenant, plugin)?
            .ok_or_else(|| ControlError::not_found("plugin", plugin))
    }

    /// All plugin versions of a tenant.
    pub fn list_plugins(&self, tenant: &Name) -> ControlResult<Vec<Arc<PluginVersion>>> {
        self.context.tenant(tenant)?;
        Ok(self.context.registry()?.plugins_of(tenant).cloned().collect())
    }

    /// A pipeline as it is registered.
    pub fn get_pipeline(&self, id: &PipelineId) -> ControlResult<Arc<Pipeline>> {
        self.context.pipeline(id)
    }

    /// All pipelines of a tenant, with what this engine does with them.
    pub fn list_pipelines(&self, tenant: &Name) -> ControlResult<Vec<(Arc<Pipeline>, State)>> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        let list = registry.pipelines_of(tenant).map(|(id, pipeline)| {
            let state = self
                .context
                .overview
                .pipeline(id)
                .map(|status| status.state())
                .unwrap_or_default();
            (pipeline.clone(), state)
        });
        Ok(list.collect())
    }

    /// Numbers of the revisions that are kept.
    pub fn revisions(&self, id: &PipelineId) -> ControlResult<Vec<u64>> {
        self.context.pipeline(id)?;
        Ok(self
            .context
            .registry()?
            .revisions
            .get(id)
            .into_iter()
            .flatten()
            .copied()
            .collect())
    }
}
