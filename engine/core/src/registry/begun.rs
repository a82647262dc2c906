//! Since when a pipeline declares what it declares. A window, or a join, that is declared otherwise or no longer loses
//! what it has open. It does not get that back when it is declared again as it was, by a change or by a rollback: what
//! came in between is missing in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{join, manifest::PipelineManifest, name::Name, window::stored};

/// The revision from which on each is declared as it is, without a gap; the first one is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Begun {
    /// Of the windows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    windows: BTreeMap<Name, u64>,
    /// Of the joins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    joins: BTreeMap<Name, u64>,
}

impl Begun {
    /// Of the revision with this number and manifest, behind one with that manifest.
    #[must_use]
    pub fn behind(&self, before: &PipelineManifest, next: &PipelineManifest, number: u64) -> Self {
        let windows = next.windows.iter().filter_map(|(name, window)| {
            let known = before.windows.get(name);
            let is_same = known.is_some_and(|known| stored::shape(known, 0) == stored::shape(window, 0));
            Some((name.clone(), begun(self.windows.get(name), is_same, number)?))
        });
        let joins = next.joins.iter().filter_map(|(name, join)| {
            let known = before.joins.get(name);
            let is_same = known.is_some_and(|known| join::shape(known, 0) == join::shape(join, 0));
            Some((name.clone(), begun(self.joins.get(name), is_same, number)?))
        });
        Self {
            windows: windows.collect(),
            joins: joins.collect(),
        }
    }

    /// The revision that a window began with; 0 for the first.
    pub fn window(&self, name: &Name) -> u64 {
        self.windows.get(name).copied().unwrap_or_default()
    }

    /// The revision that a join began with; 0 for the first.
    pub fn join(&self, name: &Name) -> u64 {
        self.joins.get(name).copied().unwrap_or_default()
    }

    /// Whether everything began with the first revision.
    pub fn is_first(&self) -> bool {
        self.windows.is_empty() && self.joins.is_empty()
    }
}

fn begun(known: Option<&u64>, is_same: bool, number: u64) -> Option<u64> {
    if is_same { known.copied() } else { Some(number) }
}
