//! Uploading and listing plugins. A version is immutable: the same bytes again are fine, other bytes
//! under a taken version are a conflict.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tailrace_core::{
    audit::Change,
    compile_semaphore::CompilePermit,
    identity::Digest,
    life::Life,
    load::{load_component, load_plugin},
    manifest::PluginRef,
    name::Name,
    ports::{
        executor,
        plugins::{Admitted, CompileCost, PluginError},
    },
    registry::{Key, PluginVersion, Registry, Tenant},
    schema::ConfigSchema,
    tasks,
};

use crate::{
    command::{
        Commands,
        trial::{self, Trial, TrialRequest},
        upload_permits::UploadPermit,
    },
    error::{ControlError, ControlResult},
    lives::Intent,
    quotas::ROOM_FOR_PLUGINS,
};

/// Longest wait for an upload of the same version that is under way.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

/// A plugin, and what it is tried with before it is kept.
#[derive(Debug, Default)]
pub struct Upload {
    /// A component, or the core module that cargo made.
    pub plugin: Bytes,
    /// What it is tried with.
    pub trial: TrialRequest,
}

impl From<Bytes> for Upload {
    fn from(plugin: Bytes) -> Self {
        Self {
            plugin,
            trial: TrialRequest::default(),
        }
    }
}

/// What became of an upload.
#[derive(Debug)]
pub struct Uploaded {
    /// The version.
    pub version: Arc<PluginVersion>,
    /// Whether it was not there before.
    pub is_new: bool,
    /// What compiling it took; none if it was compiled before.
    pub compiled: Option<CompileCost>,
    /// How it took its config, and its event.
    pub trial: Trial,
}

impl Commands {
    /// Whether a tenant may upload a plugin of this size now.
    fn check_upload(&self, tenant: &Tenant, bytes: u64) -> ControlResult<()> {
        let used = self.context.used_by(&*self.context.registry()?, &tenant.name);
        let quotas = &tenant.quotas;
        let full = |what: &str, most: u64, hint: &str| {
            Err(ControlError::Quota(format!(
                "the tenant's quota of {most} {what} is used up; {hint}, or ask an operator to raise it"
            )))
        };
        if used.plugins >= u64::from(quotas.plugins) {
            return full("plugin versions", quotas.plugins.into(), ROOM_FOR_PLUGINS);
        }
        if used.plugin_bytes.saturating_add(bytes) > quotas.plugin_bytes {
            return full("bytes of plugins", quotas.plugin_bytes, ROOM_FOR_PLUGINS);
        }
        if used.compile_seconds >= quotas.compile_seconds {
            let most = quotas.compile_seconds;
            return full("seconds of compilation an hour", most, "wait an hour");
        }
        Ok(())
    }

    /// A permit for an upload of this tenant, to be taken before its body is read, or for a download.
    pub fn upload_permit(&self, tenant: &Name) -> ControlResult<UploadPermit> {
        self.uploads.take(tenant)
    }

    /// Uploads a plugin version.
    pub async fn upload_plugin(
        &self,
        tenant: &Name,
        plugin: PluginRef,
        upload: impl Into<Upload>,
    ) -> ControlResult<Uploaded> {
        let place = self.upload_permit(tenant)?;
        self.upload_plugin_at(place, tenant, plugin, upload.into()).await
    }

    /// Uploads a plugin version whose permit was taken before. What the trial shows to be wrong with the
    /// config that was sent along is a refusal, and nothing is kept.
    pub async fn upload_plugin_at(
        &self,
        place: UploadPermit,
        tenant: &Name,
        plugin: PluginRef,
        upload: Upload,
    ) -> ControlResult<Uploaded> {
        let upload_digest = Digest::of(&upload.plugin);
        if let Some(known) = self.settled_version(tenant, &plugin).await? {
            let version = same_or_conflict(known, upload_digest)?;
            self.restore_bytes(tenant, place, &version, upload.plugin).await?;
            let trial = self.try_kept(tenant, &version, upload.trial).await?;
            return Ok(Uploaded {
                version,
                is_new: false,
                compiled: None,
                trial,
            });
        }
        let owner = self.context.tenant_at_work(tenant)?;
        self.check_upload(&owner, upload.plugin.len() as u64)?;
        let admitted = self
            .admit(
                tenant,
                place.turn(&self.context.world.compilers).await?,
                upload.plugin,
            )
            .await?;
        let Admitted {
            component,
            digest,
            imports,
            memory,
            config_schema,
            compiled,
        } = admitted;
        let trial = self
            .try_plugin(
                tenant,
                (digest, component.clone()),
                config_schema.clone(),
                upload.trial,
            )
            .await;
        let trial = self.or_forgotten(digest, trial).await?;
        let version = PluginVersion {
            plugin,
            life: Life::new(&*self.context.world.random),
            tenant_life: owner.life,
            uploading: true,
            withdrawn: false,
            deleting: false,
            by: Some(self.context.known_me()?),
            digest,
            upload_digest,
            size_bytes: component.len() as u64,
            imports,
            memory,
            config_schema,
            uploaded_ms: self.context.now_ms(),
        };
        let change = Change::new("plugin-uploaded", tenant, format!("plugin/{}", version.plugin));
        let change = change.in_life(owner.life);
        let told = json!({ "digest": digest, "size_bytes": version.size_bytes, "imports": version.imports });
        let (version, is_new) = self
            .audited(change.to(told), self.keep(tenant, version, component))
            .await?;
        Ok(Uploaded {
            version,
            is_new,
            compiled,
            trial,
        })
    }

    /// What the trial of an upload came to; where it was refused, what was compiled for it goes, unless somebody else
    /// has the same.
    async fn or_forgotten<T>(&self, digest: Digest, trial: ControlResult<T>) -> ControlResult<T> {
        if trial.is_err()
            && let Err(cause) = self.lives.remove_component(digest, |_, _| false).await
        {
            tracing::warn!(%digest, %cause, "what was compiled for a refused upload is left for the next start");
        }
        trial
    }

    /// Makes a version: first the entry, which says what is to be made, then whatever it needs. Says too whether it
    /// is new.
    async fn keep(
        &self,
        tenant: &Name,
        version: PluginVersion,
        component: Bytes,
    ) -> ControlResult<(Arc<PluginVersion>, bool)> {
        let key = Key::Plugin(tenant.clone(), version.plugin.clone());
        let _held = self.lives.hold(version.digest, component);
        match self.context.write(&key, &version, 0).await {
            Ok(_) => {
                let intent = Intent::Upload(tenant.clone(), version.plugin.clone(), version.life);
                self.lives.finish(intent).await?;
                let kept = PluginVersion {
                    uploading: false,
                    by: None,
                    ..version
                };
                Ok((Arc::new(kept), true))
            }
            // Somebody was faster with the same version.
            Err(conflict @ ControlError::Raced(_)) => {
                match self.settled_version(tenant, &version.plugin).await? {
                    Some(known) => Ok((same_or_conflict(known, version.upload_digest)?, false)),
                    None => Err(conflict),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// A version as it stands on the broker, once its bytes are there.
    async fn settled_version(
        &self,
        tenant: &Name,
        plugin: &PluginRef,
    ) -> ControlResult<Option<Arc<PluginVersion>>> {
        let owner = self.context.tenant(tenant)?;
        let place = (tenant.clone(), plugin.clone());
        let is_settled = |registry: &Registry| {
            let goes = registry
                .plugins
                .get(&place)
                .is_some_and(|version| version.deleting);
            !goes && !registry.uploads.contains_key(&place)
        };
        let _ = self.context.wait_within(SETTLED_WITHIN, is_settled).await;
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        let known = self.context.read::<PluginVersion>(&key).await?;
        let known = known.map(|(version, _)| version);
        // One of an earlier life of the tenant's is on its way out.
        let known = known.filter(|version| {
            version.tenant_life == owner.life || version.tenant_life.is_unnamed() || owner.life.is_unnamed()
        });
        match known {
            Some(version) if version.deleting => Err(ControlError::Conflict(format!(
                "plugin {plugin} is being deleted; repeat this when that is done"
            ))),
            Some(version) if version.uploading => Err(ControlError::Conflict(format!(
                "plugin {plugin} is being uploaded; repeat this when that is done"
            ))),
            known => Ok(known.map(Arc::new)),
        }
    }

    /// Stores the bytes of a version that is known once more, where they are gone.
    async fn restore_bytes(
        &self,
        tenant: &Name,
        place: UploadPermit,
        version: &PluginVersion,
        upload: Bytes,
    ) -> ControlResult<()> {
        let registry = &self.context.world.registry;
        if registry.plugin(version.digest).await?.is_some() {
            return Ok(());
        }
        let admitted = self
            .admit(tenant, place.turn(&self.context.world.compilers).await?, upload)
            .await?;
        if admitted.digest == version.digest {
            registry.put_plugin(admitted.digest, admitted.component).await?;
        }
        Ok(())
    }

    /// Checks and compiles an upload. On a thread of its own: a guest thread that waits for a compiler
    /// would be missing to the pipelines. There are as many of them as turns.
    async fn admit(&self, tenant: &Name, turn: CompilePermit, upload: Bytes) -> ControlResult<Admitted> {
        let runtime = self.context.world.plugins.clone();
        let began = self.context.world.clock.monotonic();
        let admitted = tasks::spawn_blocking(move || {
            let admitted = runtime.admit(&upload);
            // Held by the work itself, which goes on when the client goes away.
            drop(turn);
            admitted
        });
        let admitted = admitted
            .await
            .map_err(|lost| PluginError::Engine(lost.to_string()))?;
        let wall = self.context.world.clock.monotonic().saturating_sub(began);
        // What was refused has cost something too; how much, only the clock knows.
        let took = match &admitted {
            Ok(admitted) => admitted
                .compiled
                .map_or(Duration::ZERO, |cost| Duration::from_millis(cost.processor_ms)),
            Err(_) => wall,
        };
        self.context.amounts.compiled(tenant, self.context.now_ms(), took);
        Ok(admitted?)
    }

    /// Tries a plugin that was compiled just now, on a guest thread of its tenant.
    async fn try_plugin(
        &self,
        tenant: &Name,
        (digest, component): (Digest, Bytes),
        schema: Option<ConfigSchema>,
        request: TrialRequest,
    ) -> ControlResult<Trial> {
        // It was compiled just now; where its machine code could not be kept, it is once more.
        let plugin = load_component(&self.context.world, tenant, digest, component).await?;
        let clock = self.context.world.clock.clone();
        let tried = executor::run(&*self.context.world.turns, tenant, move || {
            trial::run(&plugin, schema.as_ref(), request, &*clock)
        });
        Ok(tried
            .await
            .map_err(|lost| PluginError::Engine(lost.to_string()))??)
    }

    async fn try_kept(
        &self,
        tenant: &Name,
        version: &PluginVersion,
        request: TrialRequest,
    ) -> ControlResult<Trial> {
        let plugin = load_plugin(&self.context.world, tenant, version.digest).await?;
        let plugin = plugin.ok_or_else(|| ControlError::not_found("plugin", &version.plugin))?;
        let schema = version.config_schema.clone();
        let clock = self.context.world.clock.clone();
        let tried = executor::run(&*self.context.world.turns, tenant, move || {
            trial::run(&plugin, schema.as_ref(), request, &*clock)
        });
        Ok(tried
            .await
            .map_err(|lost| PluginError::Engine(lost.to_string()))??)
    }
}

fn same_or_conflict(known: Arc<PluginVersion>, upload: Digest) -> ControlResult<Arc<PluginVersion>> {
    if known.upload_digest == upload || known.digest == upload {
        return Ok(known);
    }
    let plugin = &known.plugin;
    Err(ControlError::Conflict(format!(
        "{plugin} is taken by other bytes (SHA-256 {}); versions are immutable, so choose a new version, or delete this one first if nothing uses it (tailrace plugin delete {plugin} --yes)",
        known.upload_digest
    )))
}
