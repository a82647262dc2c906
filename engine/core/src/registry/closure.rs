//! A schema with all that it refers to, ready to use.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_schema::{Format, Options, Reference, Schema};

use crate::{
    name::Name,
    registry::{Registry, SchemaReference, SchemaVersion},
};

/// A version, ready to use; or why it is not, for the tenant.
pub fn parsed_schema(registry: &Registry, tenant: &Name, version: &SchemaVersion) -> Result<Schema, String> {
    let how = (version.format, version.assert_formats);
    parsed_text(registry, tenant, how, &version.text, &version.references)
}

/// The same of a text that need not be a version.
pub fn parsed_text(
    registry: &Registry,
    tenant: &Name,
    (format, asserts_formats): (Format, bool),
    text: &str,
    references: &[SchemaReference],
) -> Result<Schema, String> {
    let closure = closure(registry, tenant, references)?;
    let references: Vec<Reference> = closure
        .iter()
        .map(|(name, version)| Reference::new(name, &version.text))
        .collect();
    let parsed = Schema::parse(format, text, &references, Options { asserts_formats });
    parsed.map_err(|fault| format!("schema: {fault}"))
}

/// All versions that are reached, by the names under which texts refer to them.
fn closure(
    registry: &Registry,
    tenant: &Name,
    references: &[SchemaReference],
) -> Result<BTreeMap<String, Arc<SchemaVersion>>, String> {
    let mut closure: BTreeMap<String, Arc<SchemaVersion>> = BTreeMap::new();
    let mut waiting: Vec<SchemaReference> = references.to_vec();
    while let Some(to) = waiting.pop() {
        let key = (tenant.clone(), to.schema.clone(), to.version);
        let version = registry.schema_versions.get(&key).ok_or_else(|| {
            format!(
                "references: there is no version {} of a schema {}",
                to.version, to.schema
            )
        })?;
        match closure.get(&to.name) {
            Some(known) if known.digest == version.digest => {}
            Some(known) => {
                return Err(format!(
                    "references: {:?} means version {} of {} in one place and version {} of {} in another",
                    to.name, known.version, known.schema, version.version, version.schema
                ));
            }
            None => {
                waiting.extend(version.references.iter().cloned());
                closure.insert(to.name, version.clone());
            }
        }
    }
    Ok(closure)
}
