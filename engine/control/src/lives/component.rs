//! Deleting the bytes of plugins. Versions of several tenants may share them, so whoever deletes them asks first
//! whether another version refers to them.
//!
//! An upload writes its entry before it stores its bytes, and it stores them though they are there. So a deletion
//! that reaches only what was stored before it looked for entries never takes the bytes of a version, however late
//! the broker does it.

use tailrace_core::{
    identity::Digest,
    name::Name,
    registry::{Key, PluginVersion},
};

use crate::{error::ControlResult, lives::Lives};

impl Lives {
    /// Deletes the bytes of a plugin, unless a version refers to them that does not go.
    pub(crate) async fn remove_component(
        &self,
        digest: Digest,
        goes: impl Fn(&Name, &PluginVersion) -> bool,
    ) -> ControlResult<()> {
        let world = &self.context.world;
        let until = world.registry.stored_until().await?;
        if !self.is_used(digest, &goes).await? {
            world.registry.delete_plugin(digest, until).await?;
            world.plugins.forget(digest);
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
        let lost = seen
            .lost
            .plugins
            .iter()
            .map(|((owner, _), version)| (owner, version));
        let mut versions = seen.versions().chain(lost);
        Ok(is_hidden || versions.any(|(owner, version)| version.digest == digest && !goes(owner, version)))
    }
}
