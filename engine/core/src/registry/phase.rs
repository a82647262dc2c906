//! Where a pipeline is between being created and being deleted. Both touch several places, so each is first
//! written down here, in the one entry that decides, and then done step by step. An engine that finds it
//! unfinished goes on with it.
//!
//! Why: docs/decisions/0067-the-entry-is-the-intent.md

use serde::{Deserialize, Serialize};

/// Whether a pipeline is there as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PipelinePhase {
    /// Its stream and its first revision are being made; it does not run yet.
    Creating,
    /// The same for one whose own stream was gone, and that begins again with an empty state. It keeps its place and
    /// its revisions if that fails.
    Renewing,
    /// It is.
    #[default]
    Ready,
    /// It does not run any more; its stream, snapshots and revisions go, and its entry last.
    Deleting,
}

impl PipelinePhase {
    /// Whether it is there as a whole.
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }
}
