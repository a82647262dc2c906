//! The registry at one moment: immutable, cheap to share, the only thing the data plane sees of the
//! control plane.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    identity::{Digest, PipelineId},
    manifest::PluginRef,
    name::Name,
    ports::registry::Entry,
    registry::{Key, Pipeline, PluginVersion, Tenant, Token},
};

/// Everything that is registered.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Revision of the bucket that this is: what was written at or below it is in here.
    pub revision: u64,
    /// Tenants by name.
    pub tenants: BTreeMap<Name, Arc<Tenant>>,
    /// Tokens by hash.
    pub tokens: BTreeMap<Digest, Arc<Token>>,
    /// Plugin versions by tenant.
    pub plugins: BTreeMap<(Name, PluginRef), Arc<PluginVersion>>,
    /// Pipelines.
    pub pipelines: BTreeMap<PipelineId, Arc<Pipeline>>,
    /// Numbers of the revisions that are kept.
    pub revisions: BTreeMap<PipelineId, BTreeSet<u64>>,
}

impl Registry {
    /// Takes an entry in. One that cannot be read is reported and left out: a newer engine may have
    /// written it.
    pub fn take(&mut self, entry: &Entry) {
        self.revision = self.revision.max(entry.revision);
        let Ok(key) = entry.key.parse::<Key>() else {
            tracing::warn!(
                key = entry.key,
                "the registry holds a key that this version does not know"
            );
            return;
        };
        if let Err(cause) = self.put(&key, entry.value.as_deref()) {
            tracing::error!(%key, %cause, "a registry entry cannot be read; it is left out");
        }
    }

    fn put(&mut self, key: &Key, value: Option<&[u8]>) -> Result<(), serde_json::Error> {
        match key {
            Key::Tenant(name) => place(&mut self.tenants, name.clone(), value),
            Key::Token(hash) => place(&mut self.tokens, *hash, value),
            Key::Plugin(tenant, plugin) => place(&mut self.plugins, (tenant.clone(), plugin.clone()), value),
            Key::Pipeline(id) => place(&mut self.pipelines, id.clone(), value),
            Key::Revision(id, number) => {
                let numbers = self.revisions.entry(id.clone()).or_default();
                if value.is_some() {
                    numbers.insert(*number)
                } else {
                    numbers.remove(number)
                };
                Ok(())
            }
        }
    }

    /// Weights of the tenants that have another than 1.
    pub fn weights(&self) -> BTreeMap<Name, u32> {
        let weights = self
            .tenants
            .iter()
            .map(|(name, tenant)| (name, tenant.quotas.weight.0));
        let weights = weights.filter(|(_, weight)| *weight != 1);
        weights.map(|(name, weight)| (name.clone(), weight)).collect()
    }

    /// Pipelines of a tenant.
    pub fn pipelines_of<'a>(
        &'a self,
        tenant: &'a Name,
    ) -> impl Iterator<Item = (&'a PipelineId, &'a Arc<Pipeline>)> {
        self.pipelines.iter().filter(move |(id, _)| id.tenant == *tenant)
    }

    /// Plugin versions of a tenant.
    pub fn plugins_of<'a>(&'a self, tenant: &'a Name) -> impl Iterator<Item = &'a Arc<PluginVersion>> {
        self.plugins
            .iter()
            .filter(move |((owner, _), _)| owner == tenant)
            .map(|(_, version)| version)
    }
}

fn place<K: Ord, V: serde::de::DeserializeOwned>(
    map: &mut BTreeMap<K, Arc<V>>,
    key: K,
    value: Option<&[u8]>,
) -> Result<(), serde_json::Error> {
    match value {
        Some(bytes) => drop(map.insert(key, Arc::new(serde_json::from_slice(bytes)?))),
        None => drop(map.remove(&key)),
    }
    Ok(())
}
