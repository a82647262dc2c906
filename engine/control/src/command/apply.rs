//! How a manifest is applied, and what came of it.

use serde::Serialize;
use serde_json::{Value, json};
use tailrace_core::{
    audit,
    registry::{Revision, candidate::Mode},
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
}

/// What applying a pipeline came to.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedPipeline {
    /// The active revision; or the candidate's, where it runs beside the active one.
    pub revision: u64,
    /// Whether anything changed.
    pub changed: bool,
    /// Whether the revision runs beside the active one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub candidate: bool,
    /// What somebody should think of, though it was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What the audit log tells of a revision: a config may hold secrets, so the manifest is a digest.
pub(crate) fn told(revision: &Revision) -> Value {
    json!({
        "revision": revision.number,
        "spec": audit::digest(&revision.manifest),
        "plugins": revision.plugins,
    })
}
