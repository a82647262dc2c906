//! What is registered: tenants, plugins, pipelines and their revisions.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use serde::Serialize;
use tailrace_core::{
    identity::PipelineId,
    manifest::PluginRef,
    name::Name,
    observe::status::State,
    registry::{Key, Pipeline, PipelinePhase, PluginVersion, Tenant},
};

use crate::{
    context::unreadable,
    error::{ControlError, ControlResult},
    query::Queries,
};

/// A pipeline in a list.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ListedPipeline {
    /// Its name.
    pub name: Name,
    /// The active revision.
    pub revision: u64,
    /// How many partitions it has.
    pub partitions: u32,
    /// What this engine does with it.
    #[serde(flatten)]
    pub state: State,
}

/// A tenant whose entry this engine cannot read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct UnreadableTenant {
    /// Its name.
    pub name: Name,
    /// That it is, and why.
    #[serde(flatten)]
    pub state: State,
}

impl Queries {
    /// A tenant.
    pub fn get_tenant(&self, name: &Name) -> ControlResult<Arc<Tenant>> {
        self.context.tenant(name)
    }

    /// All tenants.
    pub fn list_tenants(&self) -> ControlResult<Vec<Arc<Tenant>>> {
        Ok(self.context.registry()?.tenants.values().cloned().collect())
    }

    /// Tenants whose entries this engine cannot read.
    pub fn unreadable_tenants(&self) -> ControlResult<Vec<UnreadableTenant>> {
        let registry = self.context.registry()?;
        let tenants = registry
            .unreadable
            .iter()
            .filter_map(|(key, cause)| match key.parse() {
                Ok(Key::Tenant(name)) => Some(UnreadableTenant {
                    name,
                    state: State::Unreadable {
                        reason: unreadable(key, cause),
                    },
                }),
                _ => None,
            });
        Ok(tenants.collect())
    }

    /// A plugin version.
    pub fn get_plugin(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<Arc<PluginVersion>> {
        self.context
            .known_version(tenant, plugin)?
            .ok_or_else(|| ControlError::not_found("plugin", plugin))
    }

    /// The component of a plugin version, as the engine runs it.
    pub async fn component(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<Bytes> {
        let version = self.get_plugin(tenant, plugin)?;
        let stored = self.context.world.registry.plugin(version.digest).await?;
        stored.ok_or_else(|| {
            ControlError::Conflict(format!(
                "the bytes of plugin {plugin} are gone from the broker; upload its file again: tailrace plugin push FILE"
            ))
        })
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

    /// All pipelines of a tenant, with what this engine does with them. One whose entry this engine cannot read
    /// is there as well.
    pub fn list_pipelines(&self, tenant: &Name) -> ControlResult<Vec<ListedPipeline>> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        let readable = registry
            .pipelines_of(tenant)
            .map(|(id, pipeline)| ListedPipeline {
                name: id.pipeline.clone(),
                revision: pipeline.active.number,
                partitions: pipeline.active.manifest.partitions,
                state: self.state_of(id, pipeline),
            });
        let mut listed: Vec<_> = readable.collect();
        for (key, cause) in &registry.unreadable {
            if let Ok(Key::Pipeline(id)) = key.parse()
                && id.tenant == *tenant
            {
                listed.push(ListedPipeline {
                    name: id.pipeline,
                    revision: 0,
                    partitions: 0,
                    state: State::Unreadable {
                        reason: unreadable(key, cause),
                    },
                });
            }
        }
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// What a pipeline is doing, as far as this engine knows.
    pub(crate) fn state_of(&self, id: &PipelineId, pipeline: &Pipeline) -> State {
        match pipeline.phase {
            PipelinePhase::Creating | PipelinePhase::Renewing => State::Creating,
            PipelinePhase::Deleting => State::Deleting,
            PipelinePhase::Ready => {
                let status = self.context.overview.pipeline(id);
                let state = status.map(|status| status.state()).unwrap_or_default();
                self.context.unless_hindered(state)
            }
        }
    }

    /// Revision of the registry at which a tenant's entry was written.
    pub fn tenant_revision(&self, name: &Name) -> ControlResult<Option<u64>> {
        let key = Key::Tenant(name.clone()).to_string();
        Ok(self.context.registry()?.written.get(&key).copied())
    }

    /// The same of a pipeline's.
    pub fn pipeline_revision(&self, id: &PipelineId) -> ControlResult<Option<u64>> {
        let key = Key::Pipeline(id.clone()).to_string();
        Ok(self.context.registry()?.written.get(&key).copied())
    }

    /// Numbers of the revisions that are kept.
    pub fn revisions(&self, id: &PipelineId) -> ControlResult<Vec<u64>> {
        let pipeline = self.context.pipeline(id)?;
        let registry = self.context.registry()?;
        let kept = registry.revisions.get(id).into_iter().flatten().copied();
        let mut numbers: BTreeSet<u64> = kept.filter(|number| *number < pipeline.next_number()).collect();
        numbers.insert(pipeline.active.number);
        numbers.extend(
            pipeline
                .candidate
                .iter()
                .map(|candidate| candidate.revision.number),
        );
        Ok(numbers.into_iter().collect())
    }
}
