//! What belongs to an entry that is gone, though nobody has ordered that: it is left as it is, until the entry is put
//! back or somebody gives it up. A deletion that is ordered leaves a mark before it removes anything.
//!
//! Why: docs/decisions/0202-an-ordered-deletion-leaves-a-mark.md

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    identity::PipelineId,
    life::Life,
    manifest::PluginRef,
    name::Name,
    registry::{Key, Pipeline, PluginVersion},
};

const ENDED: &str = "ended";

/// Marks, as the deletion of a key that nothing bears, that somebody has ordered the end of this life of a tenant. Every
/// engine, an earlier one too, reads over it.
pub fn end_mark(tenant: &Name, life: Life) -> String {
    format!("{ENDED}.{tenant}.{life}")
}

/// The life of a tenant that a key marks as ended.
pub fn ended_by(key: &str) -> Option<(Name, Life)> {
    let (tenant, life) = key.strip_prefix(ENDED)?.strip_prefix('.')?.split_once('.')?;
    Some((Name::new(tenant).ok()?, life.parse().ok()?))
}

/// What belongs to entries that are gone without an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lost {
    /// Pipelines of tenants that are gone.
    pub pipelines: BTreeMap<PipelineId, Arc<Pipeline>>,
    /// Plugin versions of tenants that are gone.
    pub plugins: BTreeMap<(Name, PluginRef), Arc<PluginVersion>>,
    /// All that is of lives of tenants that are gone, these pipelines and versions too.
    pub of_tenants: BTreeMap<(Name, Life), BTreeSet<Key>>,
    /// Schemas that are gone, of which there are versions.
    pub schemas: BTreeSet<(Name, Name)>,
}

impl Lost {
    /// The lives of a tenant of which something is here.
    pub fn lives_of<'a>(&'a self, tenant: &'a Name) -> impl Iterator<Item = (Life, &'a BTreeSet<Key>)> {
        let its = self
            .of_tenants
            .iter()
            .filter(move |((name, _), _)| name == tenant);
        its.map(|((_, life), keys)| (*life, keys))
    }

    /// All that is lost of a tenant, in words; none where nothing is.
    pub fn in_words(&self, tenant: &Name) -> Option<String> {
        let keys = || self.lives_of(tenant).flat_map(|(_, keys)| keys);
        let count = |kind: &str, is_it: fn(&Key) -> bool| {
            let number = keys().filter(|key| is_it(key)).count();
            (number > 0).then(|| format!("{kind}: {number}"))
        };
        let counted = [
            count("pipelines", |key| matches!(key, Key::Pipeline(_))),
            count("plugin versions", |key| matches!(key, Key::Plugin(..))),
            count("tokens", |key| matches!(key, Key::Token(_))),
            count("schemas", |key| matches!(key, Key::Schema(..))),
        ];
        let counted: Vec<_> = counted.into_iter().flatten().collect();
        keys().next()?;
        Some(format!(
            "its entry is gone from the registry, and nobody has ordered that over the API; what is its stays ({})",
            counted.join(", ")
        ))
    }

    /// The way out, for a tenant that is gone.
    pub fn way_out(tenant: &Name) -> String {
        format!(
            "put key tenant.{tenant} of bucket tailrace_registry back from a backup; or, to delete all that was the tenant's: tailrace tenant delete {tenant}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_is_no_key_of_anything() {
        let shop = Name::new("shop").unwrap();
        let life: Life = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let mark = end_mark(&shop, life);
        assert!(mark.parse::<Key>().is_err());
        assert_eq!(ended_by(&mark), Some((shop, life)));
        for other in [
            "ended",
            "ended.shop",
            "ended.shop.1",
            "tenant.shop",
            "registry.loss-accepted",
        ] {
            assert_eq!(ended_by(other), None, "{other}");
        }
    }
}
