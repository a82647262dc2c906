//! Making a plugin version, from the entry that says so: its place among the tenant's others, its bytes; then the
//! entry says that it is there. The engine that was asked has the bytes. Another can only see whether they have
//! arrived; where they have not, the version goes, and is uploaded again.

use tailrace_core::{
    life::Life,
    manifest::PluginRef,
    name::Name,
    registry::{Key, PluginVersion, Tenant},
};

use crate::{
    error::{ControlError, ControlResult},
    lives::{Lives, is_passing_create},
    quotas::ROOM_FOR_PLUGINS,
};

impl Lives {
    /// Makes a version of this life, unless that is done or no longer wanted.
    pub(super) async fn upload(&self, tenant: &Name, plugin: &PluginRef, life: Life) -> ControlResult<()> {
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        let gone = || ControlError::Conflict(format!("plugin {plugin} was deleted while it was uploaded"));
        let (mut version, revision) = self.context.read::<PluginVersion>(&key).await?.ok_or_else(gone)?;
        if version.life != life {
            return Err(gone());
        }
        if !version.uploading {
            return Ok(());
        }
        self.context
            .wait_until(|registry| registry.revision >= revision)
            .await?;
        let cause = if version.withdrawn {
            gone()
        } else {
            match self.store(tenant, &version, revision).await {
                Ok(()) => {
                    version.uploading = false;
                    version.by = None;
                    return self.settle(&key, &version, revision).await.map(drop);
                }
                Err(cause) if is_passing_create(&cause) => return Err(cause),
                Err(cause) => cause,
            }
        };
        tracing::warn!(%tenant, %plugin, %cause, "a plugin was not uploaded; what was made of it goes");
        let revision = if version.withdrawn {
            revision
        } else {
            // First, so that no other engine says meanwhile that it is there.
            version.withdrawn = true;
            match self.settle(&key, &version, revision).await? {
                Some(revision) => revision,
                None => return Ok(()),
            }
        };
        self.remove_component(version.digest, |_, version| version.life == life)
            .await?;
        self.context.remove_at(&key, revision).await?;
        Err(cause)
    }

    /// Writes what an upload came to; gives the entry's revision. None where another engine has said that the
    /// version is there.
    async fn settle(&self, key: &Key, version: &PluginVersion, revision: u64) -> ControlResult<Option<u64>> {
        match self.context.write(key, version, revision).await {
            Ok(written) => Ok(Some(written)),
            Err(conflict @ ControlError::Raced(_)) => {
                let now = self.context.read::<PluginVersion>(key).await?;
                let is_there = now.is_some_and(|(now, _)| now.life == version.life && !now.uploading);
                if is_there { Ok(None) } else { Err(conflict) }
            }
            Err(cause) => Err(cause),
        }
    }

    async fn store(&self, tenant: &Name, version: &PluginVersion, revision: u64) -> ControlResult<()> {
        let owner = self.context.read::<Tenant>(&Key::Tenant(tenant.clone())).await?;
        let owner = owner.map(|(owner, _)| owner);
        let owner = owner.filter(|owner| owner.life == version.tenant_life && !owner.deleting);
        let deleted = || ControlError::Conflict(format!("tenant {tenant} was deleted meanwhile"));
        self.take_version_place(&owner.ok_or_else(deleted)?, revision)?;
        let registry = &self.context.world.registry;
        let component = match self.shared.held.get(version.digest) {
            Some(component) => component,
            None => registry.plugin(version.digest).await?.ok_or_else(|| {
                ControlError::Conflict(format!(
                    "the upload of plugin {} was cut off before its bytes had arrived; upload it again",
                    version.plugin
                ))
            })?,
        };
        // Though they are there: they may have been on their way out when the entry was written.
        Ok(registry.put_plugin(version.digest, component).await?)
    }

    /// Takes a version's place among its tenant's others. Places are given in the order in which the entries were
    /// written, so any number of uploads at once come to what the quota allows.
    fn take_version_place(&self, owner: &Tenant, written: u64) -> ControlResult<()> {
        let registry = self.context.registry()?;
        let (mut versions, mut bytes) = (0_u64, 0_u64);
        for (_, version) in registry.versions().filter(|(tenant, _)| **tenant == owner.name) {
            let other = Key::Plugin(owner.name.clone(), version.plugin.clone()).to_string();
            let is_before = registry
                .written
                .get(&other)
                .is_some_and(|other| !version.uploading || *other <= written);
            if is_before {
                versions += 1;
                bytes = bytes.saturating_add(version.size_bytes);
            }
        }
        let quotas = &owner.quotas;
        if versions <= u64::from(quotas.plugins) && bytes <= quotas.plugin_bytes {
            return Ok(());
        }
        Err(ControlError::Quota(format!(
            "the tenant's quota of plugins was used up by uploads at the same time; {ROOM_FOR_PLUGINS}, or ask an operator to raise it"
        )))
    }
}
