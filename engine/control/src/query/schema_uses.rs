//! What uses the versions of a schema: pipelines that read or write by them, and versions of schemas that refer to them.

use serde::Serialize;
use tailrace_core::{name::Name, registry::Registry};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

/// What uses a schema.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct SchemaUses {
    /// Places in the manifests of pipelines, in their active revisions and in those that run beside them.
    pub pipelines: Vec<SchemaUse>,
    /// Versions of schemas that refer to it.
    pub schemas: Vec<SchemaReferrer>,
}

/// A place in a manifest that names a version of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SchemaUse {
    /// The version.
    pub version: u32,
    /// The pipeline.
    pub pipeline: Name,
    /// The revision of the pipeline.
    pub revision: u64,
    /// Whether that revision is a candidate.
    pub candidate: bool,
    /// The place in the manifest.
    pub place: String,
}

/// A version of a schema that refers to another one.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SchemaReferrer {
    /// The version that it refers to.
    pub version: u32,
    /// The schema that refers to it.
    pub schema: Name,
    /// The version of that schema.
    pub schema_version: u32,
}

impl Queries {
    /// What uses a schema.
    pub fn schema_uses(&self, tenant: &Name, name: &Name) -> ControlResult<SchemaUses> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        if !registry.schemas.contains_key(&(tenant.clone(), name.clone())) {
            return Err(ControlError::not_found("schema", name));
        }
        let versions = registry.all_schema_versions_of(tenant);
        let versions = versions.filter(|version| !version.deleting);
        let referrers = versions.flat_map(|version| {
            let to = version.references.iter().filter(|to| to.schema == *name);
            to.map(|to| SchemaReferrer {
                version: to.version,
                schema: version.schema.clone(),
                schema_version: version.version,
            })
        });
        Ok(SchemaUses {
            pipelines: uses(&registry, tenant, name).collect(),
            schemas: referrers.collect(),
        })
    }
}

/// The places in manifests that name a schema.
pub(crate) fn uses<'a>(
    registry: &'a Registry,
    tenant: &'a Name,
    name: &'a Name,
) -> impl Iterator<Item = SchemaUse> {
    registry.pipelines_of(tenant).flat_map(move |(id, pipeline)| {
        let candidate = pipeline
            .candidate
            .iter()
            .map(|candidate| (&candidate.revision, true));
        let revisions = std::iter::once((&pipeline.active, false)).chain(candidate);
        revisions.flat_map(move |(revision, candidate)| {
            let schemas = revision.manifest.schemas().filter(|(_, used)| used.name == *name);
            let found = schemas.map(|(place, used)| SchemaUse {
                version: used.version.unwrap_or(0),
                pipeline: id.pipeline.clone(),
                revision: revision.number,
                candidate,
                place,
            });
            found.collect::<Vec<_>>()
        })
    })
}
