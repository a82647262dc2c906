//! Deleting the bytes of plugins. Versions of several tenants may share them, so whoever deletes them asks first
//! whether another version refers to them, and once more afterwards.

use tailrace_core::{
    identity::Digest,
    name::Name,
    registry::{Key, PluginVersion},
};

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
        let world = &self.context.world;
        // Again after bytes were given back: who else removed the last version meanwhile found none to delete.
        while !self.is_used(digest, &goes).await? {
            let component = world.registry.plugin(digest).await?;
            // What is stored right now is not deleted: it could not be given back.
            if let Some(component) = component {
                world.registry.delete_plugin(digest).await?;
                if self.is_used(digest, &goes).await? {
                    world.registry.put_plugin(digest, component).await?;
                    continue;
                }
            }
            world.plugins.forget(digest);
            break;
        }
        Ok(())
    }

    async fn is_used(
        &self,
        digest: Digest,
        goes: &impl Fn(&Name, &PluginVersion) -> bool,
    ) -> ControlResult<bool> {
        let seen = self.context.registry_now().await?;
        // A version that cannot be read may be of these bytes.
        let mut hidden = seen.unreadable.keys().map(|key| key.parse());
        let is_hidden = hidden.any(|key| matches!(key, Ok(Key::Plugin(..))));
        let mut versions = seen.versions();
        Ok(is_hidden || versions.any(|(owner, version)| version.digest == digest && !goes(owner, version)))
    }
}
