//! Uploading and listing plugins. A version is immutable: the same bytes again are fine, other bytes
//! under a taken version are a conflict.

use std::sync::Arc;

use bytes::Bytes;

use super::{Control, ControlError, Outcome};
use crate::{
    identity::Digest,
    name::Name,
    pipeline::schedule,
    ports::plugins::{Admitted, PluginError},
    registry::{Key, PluginVersion},
    spec::PluginRef,
};

impl Control {
    /// Uploads a plugin version; says too whether it is new.
    pub async fn upload_plugin(
        &self,
        tenant: &Name,
        plugin: PluginRef,
        upload: Bytes,
    ) -> Outcome<(Arc<PluginVersion>, bool)> {
        let upload_digest = Digest::of(&upload);
        if let Some(known) = self.known_version(tenant, &plugin)? {
            return same_or_conflict(known, upload_digest);
        }
        let limits = &self.tenant(tenant)?.quotas;
        if self.registry()?.plugins_of(tenant).count() >= limits.plugins as usize {
            return Err(ControlError::Quota(format!(
                "the tenant's quota of {} plugin versions is used up",
                limits.plugins
            )));
        }
        let Admitted {
            component,
            digest,
            imports,
        } = self.admit(tenant, upload).await?;
        self.world.registry.put_plugin(digest, component.clone()).await?;
        let version = PluginVersion {
            plugin: plugin.clone(),
            digest,
            upload_digest,
            size_bytes: component.len() as u64,
            imports,
            uploaded_ms: self.now_ms(),
        };
        match self
            .write(&Key::Plugin(tenant.clone(), plugin.clone()), &version, 0)
            .await
        {
            Ok(()) => Ok((Arc::new(version), true)),
            // Somebody was faster with the same version.
            Err(conflict @ ControlError::Conflict(_)) => match self.known_version(tenant, &plugin)? {
                Some(known) => same_or_conflict(known, upload_digest),
                None => Err(conflict),
            },
            Err(other) => Err(other),
        }
    }

    /// Checks and compiles an upload on a guest thread of its tenant.
    async fn admit(&self, tenant: &Name, upload: Bytes) -> Outcome<Admitted> {
        let runtime = self.world.plugins.clone();
        let admitted = schedule::run(&*self.world.turns, tenant, move || runtime.admit(&upload)).await;
        Ok(admitted.map_err(|lost| PluginError::Engine(lost.to_string()))??)
    }

    fn known_version(&self, tenant: &Name, plugin: &PluginRef) -> Outcome<Option<Arc<PluginVersion>>> {
        self.tenant(tenant)?;
        Ok(self
            .registry()?
            .plugins
            .get(&(tenant.clone(), plugin.clone()))
            .cloned())
    }

    /// A plugin version.
    pub fn get_plugin(&self, tenant: &Name, plugin: &PluginRef) -> Outcome<Arc<PluginVersion>> {
        self.known_version(tenant, plugin)?
            .ok_or_else(|| ControlError::not_found("plugin", plugin))
    }

    /// All plugin versions of a tenant.
    pub fn list_plugins(&self, tenant: &Name) -> Outcome<Vec<Arc<PluginVersion>>> {
        self.tenant(tenant)?;
        Ok(self.registry()?.plugins_of(tenant).cloned().collect())
    }
}

fn same_or_conflict(known: Arc<PluginVersion>, upload: Digest) -> Outcome<(Arc<PluginVersion>, bool)> {
    if known.upload_digest == upload || known.digest == upload {
        return Ok((known, false));
    }
    let plugin = &known.plugin;
    Err(ControlError::Conflict(format!(
        "{plugin} is taken by other bytes (SHA-256 {}); versions are immutable, so choose a new version",
        known.upload_digest
    )))
}
