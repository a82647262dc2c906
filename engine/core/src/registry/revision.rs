//! A revision of a pipeline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{identity::Digest, manifest::PipelineManifest, name::Name, registry::Begun};

/// A revision of a pipeline. Immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Revision {
    /// From 1, without gaps.
    pub number: u64,
    /// As the tenant wrote it, `input.stream` filled in.
    #[serde(rename = "spec")]
    pub manifest: PipelineManifest,
    /// Digest of each step's plugin.
    pub plugins: BTreeMap<Name, Digest>,
    /// When it was applied, milliseconds since the epoch.
    pub applied_ms: u64,
    /// The revision that this one went back to, if it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
    /// Since when its windows and joins are declared as they are.
    #[serde(default, skip_serializing_if = "Begun::is_first")]
    pub begun: Begun,
}

impl Revision {
    /// Since when a revision with this number and manifest declares what it declares, if it takes the place of this
    /// one.
    pub fn begun_behind(&self, next: &PipelineManifest, number: u64) -> Begun {
        self.begun.behind(&self.manifest, next, number)
    }
}
