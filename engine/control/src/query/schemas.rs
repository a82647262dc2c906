//! Schemas of a tenant: which there are, and whether a new version may follow.

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;
use tailrace_core::{
    name::Name,
    registry::{Registry, Schema, SchemaReference, SchemaVersion, parsed_text},
};
use tailrace_schema::{self as schema, Compatibility, Direction, Format};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

/// Differences that a refusal in words tells.
const MAX_TOLD: usize = 5;

/// A schema, with what its versions are.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ShownSchema {
    /// Its name.
    pub name: Name,
    /// What a new version is compared with.
    pub compatibility: Compatibility,
    /// Its versions, the oldest first.
    pub versions: Vec<ListedVersion>,
    /// When it was made, milliseconds since the epoch.
    pub created_ms: u64,
}

/// A version in a list.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ListedVersion {
    /// Its number.
    pub version: u32,
    /// Its id in Confluent's wire format.
    pub id: u32,
    /// What it is written in.
    pub format: Format,
    /// When it was pushed, milliseconds since the epoch.
    pub created_ms: u64,
}

/// Whether a version may follow, and why not.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CompatibilityReport")]
pub struct Report {
    /// Whether it may.
    pub compatible: bool,
    /// What it was compared by.
    pub compatibility: Compatibility,
    /// The versions that it may not follow.
    pub conflicts: Vec<VersionConflict>,
}

/// A version that a new one may not follow.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VersionConflict {
    /// Its number.
    pub version: u32,
    /// Which of the two cannot read the other: `backward` if it is the new one.
    pub direction: &'static str,
    /// Why.
    pub differences: Vec<ShownDifference>,
}

/// One reason.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ShownDifference {
    /// The rule, as Confluent's registry names it.
    pub rule: &'static str,
    /// Where in the schema that reads, as a JSON pointer.
    pub place: String,
    /// The reason.
    pub what: String,
}

impl Report {
    /// The refusal of a push.
    pub(crate) fn in_words(&self, name: &Name) -> String {
        let mut words = format!(
            "the version may not follow under compatibility {}",
            self.compatibility
        );
        for conflict in &self.conflicts {
            let reads = if conflict.direction == "backward" {
                "the new version cannot read"
            } else {
                "cannot read the new version:"
            };
            let _ = match conflict.direction {
                "backward" => write!(words, "; {reads} version {} of {name}", conflict.version),
                _ => write!(words, "; version {} of {name} {reads}", conflict.version),
            };
            for difference in conflict.differences.iter().take(MAX_TOLD) {
                let place = if difference.place.is_empty() {
                    "at the top"
                } else {
                    &difference.place
                };
                let _ = write!(words, " [{} {place}: {}]", difference.rule, difference.what);
            }
        }
        words
    }
}

impl Queries {
    /// All schemas of a tenant.
    pub fn list_schemas(&self, tenant: &Name) -> ControlResult<Vec<ShownSchema>> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        Ok(registry
            .schemas_of(tenant)
            .map(|schema| shown(&registry, tenant, schema))
            .collect())
    }

    /// A schema.
    pub fn get_schema(&self, tenant: &Name, name: &Name) -> ControlResult<ShownSchema> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        let schema = registry.schemas.get(&(tenant.clone(), name.clone()));
        let schema = schema.ok_or_else(|| ControlError::not_found("schema", name))?;
        Ok(shown(&registry, tenant, schema))
    }

    /// A version of a schema; none stands for the last one.
    pub fn get_schema_version(
        &self,
        tenant: &Name,
        name: &Name,
        number: Option<u32>,
    ) -> ControlResult<Arc<SchemaVersion>> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        let mut versions = registry.schema_versions_of(tenant, name);
        let found = match number {
            Some(number) => versions.find(|version| version.version == number),
            None => versions.last(),
        };
        let wanted = number.map_or("latest".to_owned(), |number| number.to_string());
        found
            .cloned()
            .ok_or_else(|| ControlError::not_found("schema version", &format!("{name}/{wanted}")))
    }
}

fn shown(registry: &Registry, tenant: &Name, schema: &Schema) -> ShownSchema {
    let versions = registry
        .schema_versions_of(tenant, &schema.name)
        .map(|version| ListedVersion {
            version: version.version,
            id: version.id,
            format: version.format,
            created_ms: version.created_ms,
        });
    ShownSchema {
        name: schema.name.clone(),
        compatibility: schema.compatibility,
        versions: versions.collect(),
        created_ms: schema.created_ms,
    }
}

/// A schema, ready to use, with all that it refers to.
pub(crate) fn parsed(
    registry: &Registry,
    tenant: &Name,
    how: (Format, bool),
    text: &str,
    references: &[SchemaReference],
) -> ControlResult<schema::Schema> {
    parsed_text(registry, tenant, how, text, references).map_err(ControlError::Invalid)
}

/// Compares a new version with those that there are.
pub(crate) fn judge(
    registry: &Registry,
    (tenant, name): (&Name, &Name),
    new: &schema::Schema,
    mode: Compatibility,
) -> ControlResult<Report> {
    let known: Vec<&Arc<SchemaVersion>> = registry.schema_versions_of(tenant, name).collect();
    let first = if mode.is_transitive() {
        0
    } else {
        known.len().saturating_sub(1)
    };
    let known = if mode == Compatibility::None {
        &[][..]
    } else {
        &known[first..]
    };
    let mut older = Vec::with_capacity(known.len());
    for version in known {
        let how = (version.format, version.assert_formats);
        older.push(parsed(registry, tenant, how, &version.text, &version.references)?);
    }
    let older: Vec<&schema::Schema> = older.iter().collect();
    let conflicts = mode
        .conflicts(new, &older)
        .into_iter()
        .map(|conflict| VersionConflict {
            version: known[conflict.with].version,
            direction: match conflict.direction {
                Direction::Backward => "backward",
                Direction::Forward => "forward",
            },
            differences: conflict.differences.into_iter().map(shown_difference).collect(),
        });
    let conflicts: Vec<VersionConflict> = conflicts.collect();
    Ok(Report {
        compatible: conflicts.is_empty(),
        compatibility: mode,
        conflicts,
    })
}

fn shown_difference(difference: schema::Difference) -> ShownDifference {
    ShownDifference {
        rule: difference.rule,
        place: difference.place.to_pointer(),
        what: difference.what,
    }
}
