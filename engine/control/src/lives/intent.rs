//! What there is to go on with, as the registry says it, and which engine does so.

use tailrace_core::{
    identity::{EngineId, PipelineId},
    life::Life,
    manifest::PluginRef,
    membership::{Cluster, Membership},
    name::Name,
    registry::{Key, PipelinePhase, Registry},
};

use crate::lives::ended::Ended;

/// A change of several places that is written down and not done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Intent {
    /// A pipeline of this life is to be made.
    Create(PipelineId, Life),
    /// A pipeline of this life is to go.
    Delete(PipelineId, Life),
    /// A tenant of this life is to go, with all that is its.
    DeleteTenant(Name, Life),
    /// A plugin version of this life is to be made.
    Upload(Name, PluginRef, Life),
    /// A plugin version of this life is to go, if nothing names it.
    DeleteVersion(Name, PluginRef, Life),
    /// Something of a life that has ended may have come after its end.
    Clear(Ended),
    /// An entry belongs to no tenant that there is.
    Orphan(Key),
}

impl Intent {
    /// Whose it is; none for what is nobody's, or an operator's.
    pub(crate) fn tenant(&self) -> Option<&Name> {
        match self {
            Self::Create(id, _)
            | Self::Delete(id, _)
            | Self::Orphan(Key::Pipeline(id) | Key::Revision(id, _)) => Some(&id.tenant),
            Self::DeleteTenant(name, _)
            | Self::Upload(name, ..)
            | Self::DeleteVersion(name, ..)
            | Self::Orphan(
                Key::Tenant(name)
                | Key::Plugin(name, _)
                | Key::Schema(name, _)
                | Key::SchemaVersion(name, ..),
            ) => Some(name),
            Self::Clear(ended) => Some(ended.tenant()),
            Self::Orphan(Key::Token(_)) => None,
        }
    }
}

/// All that this engine has to go on with.
pub(crate) fn unfinished(registry: &Registry, cluster: &Cluster) -> Vec<Intent> {
    let Some(members) = cluster.members.borrow().clone() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (id, pipeline) in &registry.pipelines {
        if pipeline.phase == PipelinePhase::Ready || !is_mine(&members, pipeline.by.as_ref(), id) {
            continue;
        }
        found.push(match pipeline.phase {
            PipelinePhase::Creating | PipelinePhase::Renewing => Intent::Create(id.clone(), pipeline.life),
            PipelinePhase::Deleting | PipelinePhase::Ready => Intent::Delete(id.clone(), pipeline.life),
        });
    }
    let deleted = registry.plugins.iter().filter(|(_, version)| version.deleting);
    for ((tenant, plugin), version) in registry.uploads.iter().chain(deleted) {
        let by = version
            .by
            .as_ref()
            .filter(|engine| members.alive.contains(*engine));
        if by.unwrap_or_else(|| members.owner_of_tenant(tenant)) == &members.me {
            let (tenant, plugin, life) = (tenant.clone(), plugin.clone(), version.life);
            found.push(if version.deleting {
                Intent::DeleteVersion(tenant, plugin, life)
            } else {
                Intent::Upload(tenant, plugin, life)
            });
        }
    }
    for (name, tenant) in &registry.tenants {
        if tenant.deleting && *members.owner_of_tenant(name) == members.me {
            found.push(Intent::DeleteTenant(name.clone(), tenant.life));
        }
    }
    let is_first = members.alive.first() == Some(&members.me);
    let orphans = registry.orphans.iter().filter(|_| is_first);
    found.extend(orphans.cloned().map(Intent::Orphan));
    found
}

/// Whether this engine goes on with a change: with its own, and with a share of those whose engine is gone, or
/// cannot read any more what it began.
fn is_mine(members: &Membership, by: Option<&EngineId>, id: &PipelineId) -> bool {
    let goes_on = |engine: &&EngineId| members.alive.contains(*engine) && members.reads(engine, id);
    by.filter(goes_on).unwrap_or_else(|| members.owner(id, 0, false)) == &members.me
}
