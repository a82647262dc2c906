//! How a manifest is applied, and what came of it.

use serde::Serialize;
use serde_json::{Value, json};
use tailrace_core::{
    audit,
    manifest::PipelineManifest,
    registry::{FilledSchema, Revision, candidate::Mode},
};

use crate::command::condition::Condition;

/// How a manifest is applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Apply {
    /// Even if a step lays out its state in another way than in the active revision.
    pub forced: bool,
    /// Beside the active revision, not in its place.
    pub beside: Option<Mode>,
    /// What is expected to be there.
    pub condition: Condition,
    /// Everything is checked, and nothing is done.
    pub is_dry: bool,
}

/// What applying a pipeline came to.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct AppliedPipeline {
    /// The active revision; or the candidate's, where it runs beside the active one.
    pub revision: u64,
    /// Whether anything changed.
    pub changed: bool,
    /// Whether the revision runs beside the active one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub candidate: bool,
    /// Schemas that rules of the tenant have filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<FilledSchema>,
    /// What somebody should think of, though it was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it was only asked what would happen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What would be another, where it was only asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A field in which two manifests differ.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct FieldChange {
    /// Where, as a JSON pointer.
    pub field: String,
    /// What it is in the active revision; null where it is not there.
    pub before: Value,
    /// What it would be; null where it would not be there.
    pub after: Value,
}

impl AppliedPipeline {
    /// What would come of a manifest that has passed all checks.
    pub(crate) fn dry(active: Option<&Revision>, number: u64, manifest: &PipelineManifest) -> Self {
        let value = |manifest: &PipelineManifest| serde_json::to_value(manifest).unwrap_or_default();
        let after = value(manifest);
        let changes = active.map(|active| {
            let before = value(&active.manifest);
            let at = |whole: &Value, field: &str| whole.pointer(field).cloned().unwrap_or_default();
            let fields = audit::changed_fields(&before, &after).into_iter();
            let change = |field: String| FieldChange {
                before: at(&before, &field),
                after: at(&after, &field),
                field,
            };
            fields.map(change).collect()
        });
        Self {
            revision: number,
            changed: true,
            dry_run: true,
            changes: changes.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// What the audit log tells of a revision: a config may hold secrets, so the manifest is a digest.
pub(crate) fn told(revision: &Revision) -> Value {
    json!({
        "revision": revision.number,
        "spec": audit::digest(&revision.manifest),
        "plugins": revision.plugins,
    })
}
