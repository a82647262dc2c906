//! What an engine cannot read, as it says in its lease: a newer engine wrote it, or it is damaged.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    identity::PipelineId,
    name::Name,
    registry::{Key, Registry},
};

/// Names in a lease at most. An engine that cannot read more than these leaves everything to the others.
const MAX_NAMES: usize = 1_000;
/// Stands for everything.
const ALL: &str = "*";

/// Names of what cannot be read: `tenant/pipeline`, `tenant/` for all pipelines of a tenant, and `*` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unread(BTreeSet<String>);

impl Unread {
    /// These names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// What this engine cannot read of the registry. How a pipeline runs is said by its entry and by its tenant's.
    pub fn of(registry: &Registry) -> Self {
        let keys = registry.unreadable.keys().filter_map(|key| key.parse().ok());
        let names = keys.filter_map(|key| match key {
            Key::Pipeline(id) => Some(id.to_string()),
            Key::Tenant(tenant) => Some(all_of(&tenant)),
            Key::Token(_)
            | Key::Plugin(..)
            | Key::Revision(..)
            | Key::Schema(..)
            | Key::SchemaVersion(..) => None,
        });
        let names = Self(names.collect());
        if names.0.len() > MAX_NAMES {
            return Self::new([ALL.to_owned()]);
        }
        names
    }

    /// Whether everything can be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether this pipeline cannot be read.
    pub fn has(&self, pipeline: &PipelineId) -> bool {
        let is_named = |name: &str| self.0.contains(name);
        is_named(ALL) || is_named(&all_of(&pipeline.tenant)) || is_named(&pipeline.to_string())
    }

    /// Whether anything of this tenant cannot be read.
    pub fn has_of(&self, tenant: &Name) -> bool {
        let begins = all_of(tenant);
        let is_its = |name: &String| name == ALL || name.starts_with(&begins);
        self.0.iter().any(is_its)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(String::as_str).collect();
        f.write_str(&names.join(","))
    }
}

fn all_of(tenant: &Name) -> String {
    format!("{tenant}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PipelineId {
        let (tenant, pipeline) = text.split_once('/').unwrap();
        PipelineId {
            tenant: Name::new(tenant).unwrap(),
            pipeline: Name::new(pipeline).unwrap(),
        }
    }

    fn registry(keys: impl IntoIterator<Item = String>) -> Registry {
        let unreadable = keys.into_iter().map(|key| (key, "newer".to_owned()));
        Registry {
            unreadable: unreadable.collect(),
            ..Registry::default()
        }
    }

    #[test]
    fn a_pipeline_goes_with_its_entry_and_with_its_tenants() {
        let keys = [
            Key::Pipeline(id("shop/a")),
            Key::Tenant(Name::new("news").unwrap()),
        ];
        let unread = Unread::of(&registry(keys.iter().map(ToString::to_string)));
        for (pipeline, is_unread) in [
            ("shop/a", true),
            ("shop/ab", false),
            ("news/x", true),
            ("new/x", false),
        ] {
            assert_eq!(unread.has(&id(pipeline)), is_unread, "{pipeline}");
        }
        for (tenant, is_unread) in [("shop", true), ("news", true), ("sho", false)] {
            assert_eq!(unread.has_of(&Name::new(tenant).unwrap()), is_unread, "{tenant}");
        }
        assert!(Unread::of(&registry(["what is this".to_owned()])).is_empty());
    }

    #[test]
    fn more_than_a_lease_holds_is_everything() {
        let keys = (0..=MAX_NAMES).map(|number| Key::Pipeline(id(&format!("shop/p{number}"))).to_string());
        let unread = Unread::of(&registry(keys));
        assert!(unread.has(&id("other/pipeline")));
        assert_eq!(serde_json::to_string(&unread).unwrap(), r#"["*"]"#);
    }
}
