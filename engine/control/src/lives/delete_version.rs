//! Deleting a plugin version, from the entry that says so: nobody may name it any more, and nobody does; then it is
//! withdrawn, its bytes go unless another version has the same, and its entry last.
//!
//! A withdrawn version reads like an upload that came to nothing, which an engine of the version before clears away
//! the same way.
//!
//! Why: docs/decisions/0150-a-version-goes-when-no-revision-names-it.md

use tailrace_core::{
    life::Life,
    manifest::PluginRef,
    name::Name,
    registry::{Key, PluginVersion},
};

use crate::{
    error::{ControlError, ControlResult},
    lives::Lives,
};

impl Lives {
    /// Deletes a version of this life, unless that is done. One that a revision names stays.
    pub(super) async fn delete_version(
        &self,
        tenant: &Name,
        plugin: &PluginRef,
        life: Life,
    ) -> ControlResult<()> {
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        let Some((mut version, mut revision)) = self.context.read::<PluginVersion>(&key).await? else {
            return Ok(());
        };
        if version.life != life {
            return Ok(());
        }
        if !version.deleting {
            return Err(ControlError::Conflict(format!(
                "plugin {plugin} stays: a pipeline was applied meanwhile that names it"
            )));
        }
        if !version.withdrawn {
            if let Err(used) = self.context.check_unnamed(tenant, plugin).await {
                if matches!(used, ControlError::Conflict(_)) {
                    version.deleting = false;
                    version.by = None;
                    self.context.write(&key, &version, revision).await?;
                }
                return Err(used);
            }
            version.uploading = true;
            version.withdrawn = true;
            revision = self.context.write(&key, &version, revision).await?;
        }
        self.remove_component(version.digest, |owner, version| {
            owner == tenant && version.plugin == *plugin
        })
        .await?;
        self.context.remove_at(&key, revision).await?;
        let place = (tenant.clone(), plugin.clone());
        self.context
            .wait_until(|registry| !registry.uploads.contains_key(&place))
            .await
    }
}
