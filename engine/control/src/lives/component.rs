//! Deleting the bytes of plugins. Versions of several tenants may share them, so whoever deletes them asks first
//! whether another version refers to them, and once more afterwards.

use tailrace_core::{identity::Digest, name::Name, registry::PluginVersion};

use crate::{error::ControlResult, lives::Lives};

impl Lives {
    /// Deletes the bytes of a plugin, unless a version refers to them that does not go. An upload of the same bytes
    /// may be under way: it writes its entry before it stores them, and this looks for entries after it has deleted
    /// them.
    pub(crate) async fn remove_component(
        &self,
        digest: Digest,
        goes: impl Fn(&Name, &PluginVersion) -> bool,
    ) -> ControlResult<()> {
        if self.is_used(digest, &goes).await? {
            return Ok(());
        }
        let registry = &self.context.world.registry;
        let Some(component) = registry.plugin(digest).await? else {
            return Ok(());
        };
        registry.delete_plugin(digest).await?;
        if self.is_used(digest, &goes).await? {
            registry.put_plugin(digest, component).await?;
        }
        Ok(())
    }

    async fn is_used(
        &self,
        digest: Digest,
        goes: &impl Fn(&Name, &PluginVersion) -> bool,
    ) -> ControlResult<bool> {
        let seen = self.context.registry_now().await?;
        let mut versions = seen.versions();
        Ok(versions.any(|(owner, version)| version.digest == digest && !goes(owner, version)))
    }
}
