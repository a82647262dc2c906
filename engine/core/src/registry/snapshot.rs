//! The registry at one moment: immutable, cheap to share, the only thing the data plane sees of the
//! control plane.
//!
//! What cannot be read is not taken for absent: it has its place in [`Registry::unreadable`]. What belongs to a
//! tenant that was deleted is nobody's, and stands in [`Registry::orphans`] until it is removed. Where nobody has
//! ordered the tenant's end, it stays, in [`Registry::lost`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    identity::{Digest, PipelineId},
    life::Life,
    manifest::PluginRef,
    name::Name,
    ports::registry::Entry,
    registry::{
        Key, Lost, Pipeline, PipelinePhase, PluginVersion, RegistryStanding, Revision, Schema, SchemaVersion,
        Scope, Tenant, Token, lost::ended_by, standing::LOSS_ACCEPTED,
    },
};

/// Everything that is registered.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Whether it is to be believed that what is not in here is gone.
    pub standing: RegistryStanding,
    /// Whether there ever was a tenant in it.
    pub has_had_tenants: bool,
    /// Whether an operator has accepted the loss of the registry before it.
    pub loss_accepted: bool,
    /// Revision of the bucket that this is: what was written at or below it is in here.
    pub revision: u64,
    /// Tenants by name.
    pub tenants: BTreeMap<Name, Arc<Tenant>>,
    /// Tokens by hash.
    pub tokens: BTreeMap<Digest, Arc<Token>>,
    /// Plugin versions by tenant.
    pub plugins: BTreeMap<(Name, PluginRef), Arc<PluginVersion>>,
    /// Those whose bytes are on their way. Only in what is published, where they are no versions yet.
    pub uploads: BTreeMap<(Name, PluginRef), Arc<PluginVersion>>,
    /// Pipelines.
    pub pipelines: BTreeMap<PipelineId, Arc<Pipeline>>,
    /// Numbers of the revisions that are kept.
    pub revisions: BTreeMap<PipelineId, BTreeSet<u64>>,
    /// Schemas by tenant.
    pub schemas: BTreeMap<(Name, Name), Arc<Schema>>,
    /// Their versions.
    pub schema_versions: BTreeMap<(Name, Name, u32), Arc<SchemaVersion>>,
    /// Revision of the bucket at which each entry was written, by its key.
    pub written: BTreeMap<String, u64>,
    /// Entries that this version cannot read, and why: a newer engine wrote them, or they are damaged.
    pub unreadable: BTreeMap<String, String>,
    /// Entries of tenants that are gone, or of an earlier life of them. Only in what is published.
    pub orphans: Vec<Key>,
    /// Lives of tenants whose end somebody has ordered.
    pub ended: BTreeSet<(Name, Life)>,
    /// What belongs to entries that are gone without an order, and stays. Only in what is published.
    pub lost: Lost,
}

impl Registry {
    /// Takes an entry in.
    pub fn take(&mut self, entry: &Entry) {
        self.revision = self.revision.max(entry.revision);
        self.loss_accepted |= entry.key == LOSS_ACCEPTED;
        self.ended.extend(ended_by(&entry.key));
        let was_unreadable = self.unreadable.remove(&entry.key).is_some();
        if entry.value.is_some() {
            self.written.insert(entry.key.clone(), entry.revision);
        } else {
            self.written.remove(&entry.key);
        }
        let taken = match entry.key.parse::<Key>() {
            Ok(key) => {
                self.has_had_tenants |= matches!(key, Key::Tenant(_));
                let taken = self.put(&key, entry.value.as_deref());
                if taken.is_err() {
                    // What it said before holds no longer.
                    let _ = self.put(&key, None);
                }
                taken.map_err(|cause| cause.to_string())
            }
            Err(cause) if entry.value.is_some() => Err(cause.to_string()),
            Err(_) => Ok(()),
        };
        match taken {
            Ok(()) if was_unreadable => tracing::info!(key = entry.key, "a registry entry can be read again"),
            Ok(()) => {}
            Err(cause) => {
                tracing::error!(
                    key = entry.key,
                    cause,
                    "a registry entry cannot be read; what it is about is left alone until a newer engine reads it or somebody mends it"
                );
                self.unreadable.insert(entry.key.clone(), cause);
            }
        }
    }

    /// As it is to be seen: without what belongs to nobody.
    #[must_use]
    pub fn published(&self) -> Self {
        let mut seen = self.clone();
        let (mut orphans, mut lost) = (Vec::new(), Lost::default());
        let is_of = |owner: &Name, life: Life| self.is_life_of(owner, life);
        seen.pipelines.retain(|id, pipeline| {
            let is_owned = is_of(&id.tenant, pipeline.tenant_life);
            // What was not there yet when its tenant was last looked at is of a request that was cut off.
            let is_passing = matches!(pipeline.phase, PipelinePhase::Creating | PipelinePhase::Deleting);
            if !is_owned {
                let (key, owner) = (Key::Pipeline(id.clone()), (&id.tenant, pipeline.tenant_life));
                if self.part(key, owner, is_passing, &mut orphans, &mut lost) {
                    lost.pipelines.insert(id.clone(), pipeline.clone());
                }
            }
            is_owned
        });
        seen.plugins.retain(|(tenant, plugin), version| {
            let is_owned = is_of(tenant, version.tenant_life);
            let is_passing = version.uploading || version.deleting;
            if !is_owned {
                let key = Key::Plugin(tenant.clone(), plugin.clone());
                let owner = (tenant, version.tenant_life);
                if self.part(key, owner, is_passing, &mut orphans, &mut lost) {
                    lost.plugins
                        .insert((tenant.clone(), plugin.clone()), version.clone());
                }
            }
            is_owned
        });
        let (uploads, plugins) = seen
            .plugins
            .into_iter()
            .partition(|(_, version)| version.uploading);
        (seen.uploads, seen.plugins) = (uploads, plugins);
        seen.tokens.retain(|hash, token| {
            let Scope::Tenant { name, .. } = &token.scope else {
                return true;
            };
            let is_owned = is_of(name, token.tenant_life);
            if !is_owned {
                let owner = (name, token.tenant_life);
                self.part(Key::Token(*hash), owner, false, &mut orphans, &mut lost);
            }
            is_owned
        });
        seen.keep_owned_schemas(self, &mut orphans, &mut lost);
        for (id, numbers) in &self.revisions {
            // A revision is kept after its pipeline's entry has said it. What bears a higher number was kept too late,
            // when the name had another life already.
            let next = match self.pipelines.get(id) {
                // An entry of an earlier engine does not say which number was the last.
                Some(pipeline) if pipeline.last_number > 0 => pipeline.next_number(),
                Some(_) => u64::MAX,
                None if self.is_unreadable(&Key::Pipeline(id.clone())) => u64::MAX,
                None => 0,
            };
            let left = numbers.range(next..);
            orphans.extend(left.map(|number| Key::Revision(id.clone(), *number)));
        }
        (seen.orphans, seen.lost) = (orphans, lost);
        seen.hide_unwritten_revisions();
        seen
    }

    /// Puts what has no tenant where it belongs: it goes where somebody has ordered the tenant's end, or where it
    /// never came to be. Otherwise it is lost, and stays. Says whether it does.
    fn part(
        &self,
        key: Key,
        (tenant, life): (&Name, Life),
        is_passing: bool,
        orphans: &mut Vec<Key>,
        lost: &mut Lost,
    ) -> bool {
        if is_passing || self.is_ended(tenant, life) {
            orphans.push(key);
            return false;
        }
        let of_life = lost.of_tenants.entry((tenant.clone(), life)).or_default();
        of_life.insert(key)
    }

    /// Whether somebody has ordered the end of this life of a tenant.
    fn is_ended(&self, tenant: &Name, life: Life) -> bool {
        // An engine that knows no lives has written what bears none.
        let any = || self.ended.iter().any(|(ended, _)| ended == tenant);
        self.ended.contains(&(tenant.clone(), life)) || life.is_unnamed() && any()
    }

    /// Schemas of tenants that are, and versions of those schemas: a version of an earlier life is nobody's.
    fn keep_owned_schemas(&mut self, all: &Self, orphans: &mut Vec<Key>, lost: &mut Lost) {
        self.schemas.retain(|(tenant, name), schema| {
            let is_owned = all.is_life_of(tenant, schema.tenant_life);
            if !is_owned {
                let key = Key::Schema(tenant.clone(), name.clone());
                all.part(key, (tenant, schema.tenant_life), false, orphans, lost);
            }
            is_owned
        });
        let schemas = &self.schemas;
        self.schema_versions.retain(|(tenant, name, number), version| {
            let schema = (tenant.clone(), name.clone());
            let is_owned = match schemas.get(&schema) {
                Some(schema) => schema.life == version.life,
                None => all.is_unreadable(&Key::Schema(tenant.clone(), name.clone())),
            };
            let key = Key::SchemaVersion(tenant.clone(), name.clone(), *number);
            if is_owned {
            } else if !all.is_life_of(tenant, version.tenant_life) {
                let owner = (tenant, version.tenant_life);
                all.part(key, owner, version.deleting, orphans, lost);
            } else if version.deleting || schemas.contains_key(&schema) {
                orphans.push(key);
            } else {
                // A schema that somebody deletes goes after its versions.
                lost.schemas.insert(schema);
            }
            is_owned
        });
    }

    /// A change of a pipeline keeps its revision first and then writes the entry. Where the pipeline was deleted in
    /// between, and made anew, that revision is of no life. What is being made or deleted shows all, to clear it away.
    fn hide_unwritten_revisions(&mut self) {
        for (id, numbers) in &mut self.revisions {
            let pipeline = self.pipelines.get(id).filter(|pipeline| {
                // An entry of an earlier engine does not say which number was the last.
                pipeline.phase == PipelinePhase::Ready && pipeline.last_number > 0
            });
            if let Some(pipeline) = pipeline {
                numbers.retain(|number| pipeline.has_had(*number));
            }
        }
    }

    /// Whether a pipeline's entry says this revision itself: as the active one, or as the candidate.
    pub fn says(&self, id: &PipelineId, number: u64) -> bool {
        self.pipelines.get(id).is_some_and(|pipeline| {
            let candidate = pipeline.candidate.iter().map(|candidate| &candidate.revision);
            std::iter::once(&pipeline.active)
                .chain(candidate)
                .any(|said| said.number == number)
        })
    }

    /// Numbers of all revisions under a pipeline's name, those too that cannot be read.
    pub fn all_revisions_of(&self, id: &PipelineId) -> BTreeSet<u64> {
        let mut numbers = self.revisions.get(id).cloned().unwrap_or_default();
        let unread = self.unreadable.keys().filter_map(|key| match key.parse() {
            Ok(Key::Revision(of, number)) if of == *id => Some(number),
            _ => None,
        });
        numbers.extend(unread);
        numbers
    }

    /// Keys of entries that this version cannot read and that are a tenant's.
    pub fn unreadable_of<'a>(&'a self, tenant: &'a Name) -> impl Iterator<Item = &'a str> {
        let is_its = move |key: &Key| match key {
            Key::Pipeline(id) | Key::Revision(id, _) => id.tenant == *tenant,
            Key::Plugin(owner, _) | Key::Schema(owner, _) | Key::SchemaVersion(owner, ..) => owner == tenant,
            Key::Tenant(_) | Key::Token(_) => false,
        };
        let keys = self.unreadable.keys().map(String::as_str);
        keys.filter(move |key| key.parse::<Key>().is_ok_and(|key| is_its(&key)))
    }

    /// Digests of all plugins that something registered needs; none where that cannot be told, because an entry
    /// that cannot be read may need others.
    pub fn components(&self) -> Option<BTreeSet<Digest>> {
        let hides = |key: &str| matches!(key.parse(), Ok(Key::Plugin(..) | Key::Pipeline(_)));
        if self.unreadable.keys().any(|key| hides(key)) {
            return None;
        }
        let mut needed: BTreeSet<_> = self.versions().map(|(_, version)| version.digest).collect();
        needed.extend(self.lost.plugins.values().map(|version| version.digest));
        for pipeline in self.pipelines.values().chain(self.lost.pipelines.values()) {
            let candidate = pipeline.candidate.iter().map(|candidate| &candidate.revision);
            for revision in std::iter::once(&pipeline.active).chain(candidate) {
                needed.extend(revision.plugins.values().copied());
            }
        }
        Some(needed)
    }

    /// Whether a thing that was made in this life of a tenant is the tenant's now. An entry that cannot be read
    /// may say anything, so nothing is taken from its tenant.
    fn is_life_of(&self, tenant: &Name, life: Life) -> bool {
        match self.tenants.get(tenant) {
            // An engine that knows no lives has written one of the two.
            Some(known) => known.life == life || known.life.is_unnamed() || life.is_unnamed(),
            None => self.is_unreadable(&Key::Tenant(tenant.clone())),
        }
    }

    /// Whether there is an entry under this key that this version cannot read.
    pub fn is_unreadable(&self, key: &Key) -> bool {
        self.unreadable.contains_key(&key.to_string())
    }

    /// The life of a tenant's name now; that of none where there is no such tenant.
    pub fn life_of(&self, tenant: &Name) -> Life {
        self.tenants
            .get(tenant)
            .map_or(Life::UNNAMED, |tenant| tenant.life)
    }

    fn put(&mut self, key: &Key, value: Option<&[u8]>) -> Result<(), serde_json::Error> {
        match key {
            Key::Tenant(name) => place(&mut self.tenants, name.clone(), value),
            Key::Token(hash) => place(&mut self.tokens, *hash, value),
            Key::Plugin(tenant, plugin) => place(&mut self.plugins, (tenant.clone(), plugin.clone()), value),
            Key::Pipeline(id) => place(&mut self.pipelines, id.clone(), value),
            Key::Schema(tenant, name) => place(&mut self.schemas, (tenant.clone(), name.clone()), value),
            Key::SchemaVersion(tenant, name, number) => place(
                &mut self.schema_versions,
                (tenant.clone(), name.clone(), *number),
                value,
            ),
            Key::Revision(id, number) => {
                if let Some(value) = value {
                    // What it says is read when it is asked for. That it can be read is to be known before.
                    serde_json::from_slice::<Revision>(value)?;
                    self.revisions.entry(id.clone()).or_default().insert(*number);
                } else if let Some(numbers) = self.revisions.get_mut(id) {
                    numbers.remove(number);
                    if numbers.is_empty() {
                        self.revisions.remove(id);
                    }
                }
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

    /// The NATS accounts in which anything may lie; none stands for the engine's own.
    pub fn accounts(&self) -> BTreeSet<Option<Name>> {
        let tenants = self.tenants.values().map(|tenant| tenant.nats_account.clone());
        let pipelines = self.pipelines.values().chain(self.lost.pipelines.values());
        let pipelines = pipelines.map(|pipeline| pipeline.nats_account.clone());
        std::iter::once(None).chain(tenants).chain(pipelines).collect()
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

impl Registry {
    /// Schemas of a tenant.
    pub fn schemas_of<'a>(&'a self, tenant: &'a Name) -> impl Iterator<Item = &'a Arc<Schema>> {
        let all = self.schemas.iter();
        all.filter(move |((owner, _), _)| owner == tenant)
            .map(|(_, schema)| schema)
    }

    /// Versions of a schema, the oldest first; none of those that are being deleted.
    pub fn schema_versions_of(
        &self,
        tenant: &Name,
        schema: &Name,
    ) -> impl Iterator<Item = &Arc<SchemaVersion>> {
        let place = |number| (tenant.clone(), schema.clone(), number);
        let all = self.schema_versions.range(place(0)..=place(u32::MAX));
        all.map(|(_, version)| version)
            .filter(|version| !version.deleting)
    }

    /// Versions of all schemas of a tenant, those too that are being deleted.
    pub fn all_schema_versions_of<'a>(
        &'a self,
        tenant: &'a Name,
    ) -> impl Iterator<Item = &'a Arc<SchemaVersion>> {
        // No name is before this one.
        let first = Name::new("0").ok().map(|first| (tenant.clone(), first, 0));
        let all = first
            .into_iter()
            .flat_map(|first| self.schema_versions.range(first..));
        all.take_while(move |((owner, ..), _)| owner == tenant)
            .map(|(_, version)| version)
    }

    /// All entries of plugin versions, those too whose bytes are on their way.
    pub fn versions(&self) -> impl Iterator<Item = (&Name, &Arc<PluginVersion>)> {
        let all = self.plugins.iter().chain(&self.uploads);
        all.map(|((owner, _), version)| (owner, version))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const LIFE: &str = "0123456789abcdef0123456789abcdef";

    /// Tenant `shop` with two versions of schema `order`, of which one is being deleted; without the keys `left_out`.
    fn with_a_schema(left_out: &str) -> Registry {
        let version = |number: u32, deleting: bool| {
            json!({
                "schema": "order", "version": number, "id": number, "life": LIFE, "tenant_life": LIFE,
                "deleting": deleting, "format": "json-schema", "text": "{}",
                "digest": Digest::of(b"{}"), "created_ms": 0,
            })
        };
        let tenant =
            json!({ "name": "shop", "life": LIFE, "read": [], "write": [], "seed": [1, 2], "created_ms": 0 });
        let schema = json!({
            "name": "order", "life": LIFE, "tenant_life": LIFE, "compatibility": "none", "last": 2, "created_ms": 0,
        });
        let entries: [(&str, Value); 4] = [
            ("tenant.shop", tenant),
            ("schema.shop.order", schema),
            ("schema-version.shop.order.1", version(1, false)),
            ("schema-version.shop.order.2", version(2, true)),
        ];
        let mut registry = Registry::default();
        for (revision, (key, value)) in entries.into_iter().enumerate() {
            let value = (key != left_out).then(|| value.to_string().into());
            registry.take(&Entry {
                key: key.to_owned(),
                value,
                revision: revision as u64 + 1,
            });
        }
        registry
    }

    #[test]
    fn versions_of_a_schema_that_is_gone_go_only_on_order() {
        let whole = with_a_schema("").published();
        assert!(whole.unreadable.is_empty(), "{:?}", whole.unreadable);
        assert_eq!((whole.orphans, whole.lost), (Vec::new(), Lost::default()));
        let shop = Name::new("shop").unwrap();
        let without = with_a_schema("schema.shop.order").published();
        let going = "schema-version.shop.order.2".parse().unwrap();
        assert_eq!(without.orphans, [going]);
        assert!(
            without
                .lost
                .schemas
                .contains(&(shop.clone(), Name::new("order").unwrap()))
        );
        let mut homeless = with_a_schema("tenant.shop");
        let lost = homeless.published().lost;
        let keys: usize = lost.of_tenants.values().map(BTreeSet::len).sum();
        assert_eq!(keys, 2, "{lost:?}");
        let mark = crate::registry::end_mark(&shop, LIFE.parse().unwrap());
        homeless.take(&Entry {
            key: mark,
            value: None,
            revision: 9,
        });
        let ended = homeless.published();
        assert_eq!((ended.orphans.len(), ended.lost), (3, Lost::default()));
    }
}
