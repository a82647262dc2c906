//! Deleting plugin versions that nothing names: their place in the quota, and their number, are free again.

use serde_json::json;
use tailrace_core::{
    audit::Change,
    manifest::PluginRef,
    name::Name,
    registry::{Key, PluginVersion},
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
    lives::Intent,
};

impl Commands {
    /// Deletes a version that no revision names. Its entry says so first, and from then on nobody can name it.
    pub async fn delete_plugin_version(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<()> {
        let owner = self.context.tenant(tenant)?;
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        let known = self.context.read::<PluginVersion>(&key).await?;
        // One of an earlier life of the tenant's is on its way out.
        let known = known.filter(|(version, _)| {
            version.tenant_life == owner.life || version.tenant_life.is_unnamed() || owner.life.is_unnamed()
        });
        let missing = || ControlError::not_found("plugin version", plugin);
        let (version, revision) = known.ok_or_else(missing)?;
        let intent = Intent::DeleteVersion(tenant.clone(), plugin.clone(), version.life);
        if version.deleting {
            // Somebody has begun it, and the audit log says who.
            return self.lives.finish(intent).await;
        }
        if version.uploading {
            return Err(ControlError::Conflict(format!(
                "plugin {plugin} is being uploaded; repeat this when that is done"
            )));
        }
        self.context.check_unnamed(tenant, plugin).await?;
        let told = json!({ "digest": version.digest, "size_bytes": version.size_bytes });
        let change = Change::new("plugin-deleted", tenant, format!("plugin/{plugin}"));
        let change = change.in_life(version.tenant_life).from(Some(told));
        let marked = PluginVersion {
            deleting: true,
            by: self.context.me(),
            ..version
        };
        self.audited(change, async {
            self.context.write(&key, &marked, revision).await?;
            self.lives.finish(intent).await
        })
        .await
    }
}
