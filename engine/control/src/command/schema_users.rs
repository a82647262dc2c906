//! What uses a version of a schema, so that it stays: rules and pipelines.

use tailrace_core::{
    name::Name,
    registry::{Registry, SchemaRule},
};

use crate::{
    error::{ControlError, ControlResult},
    query::schema_uses::{SchemaUse, uses},
};

/// Refuses while a rule binds subjects to this version, or to the schema whose last version it is.
pub(super) fn unbound(
    registry: &Registry,
    tenant: &Name,
    name: &Name,
    number: Option<u32>,
) -> ControlResult<()> {
    let Some(owner) = registry.tenants.get(tenant) else {
        return Ok(());
    };
    let is_last = || {
        let mut others = registry.schema_versions_of(tenant, name);
        others.all(|version| Some(version.version) == number)
    };
    let is_meant = |rule: &&SchemaRule| {
        let is_used = match (number, rule.schema.version) {
            (None, _) => true,
            (Some(number), Some(bound)) => number == bound,
            (Some(_), None) => is_last(),
        };
        rule.schema.name == *name && is_used
    };
    match owner.schema_rules.iter().find(is_meant) {
        None => Ok(()),
        Some(rule) => Err(ControlError::Conflict(format!(
            "schema {name} is used: a rule binds {:?} to it; unbind it first: tailrace schema unbind '{}'",
            rule.subject, rule.subject
        ))),
    }
}

/// Refuses while a pipeline names this version, or any of the schema where no number is said.
pub(super) fn unnamed(
    registry: &Registry,
    tenant: &Name,
    name: &Name,
    number: Option<u32>,
) -> ControlResult<()> {
    let mut uses = uses(registry, tenant, name);
    let used = uses.find(|used| number.is_none_or(|number| used.version == number));
    used.map_or(Ok(()), |used| {
        let SchemaUse {
            version,
            pipeline,
            revision,
            place,
            ..
        } = used;
        Err(ControlError::Conflict(format!(
            "version {version} of schema {name} is used: revision {revision} of pipeline {pipeline} names it at {place}"
        )))
    })
}
