//! What commands, queries and alarms share: the world, the registry as this engine sees it, and what runs.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tailrace_core::{
    altered::SharedStream,
    identity::{Digest, EngineId, PipelineId},
    manifest::PluginRef,
    membership::Cluster,
    name::Name,
    observe::overview::Overview,
    ports::broker::BrokerError,
    registry::{Key, Pipeline, PluginVersion, Registry, Revision, Scope, Tenant, Token},
    world::World,
};
use tokio::sync::watch;

use crate::{
    error::{ControlError, ControlResult},
    usage::Amounts,
};

/// Shared by all parts of the control plane of one engine; clones are the same.
#[derive(Clone)]
pub struct Context {
    pub(crate) world: World,
    pub(crate) registry: watch::Receiver<Option<Arc<Registry>>>,
    pub(crate) overview: Overview,
    pub(crate) cluster: Cluster,
    pub(crate) amounts: Amounts,
    /// The streams for all pipelines that are not as they must be, as of the last look.
    pub(crate) shared: Arc<Mutex<Vec<SharedStream>>>,
    /// Tokens that the engine's own configuration names.
    configured: Arc<Mutex<BTreeMap<Digest, (Arc<Token>, bool)>>>,
}

impl Context {
    /// On this world, with this engine's view of the registry and of what runs.
    pub fn new(
        world: World,
        registry: watch::Receiver<Option<Arc<Registry>>>,
        overview: Overview,
        cluster: Cluster,
    ) -> Self {
        Self {
            world,
            registry,
            overview,
            cluster,
            amounts: Amounts::default(),
            shared: Arc::default(),
            configured: Arc::default(),
        }
    }

    /// What runs on this engine.
    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    /// Whether this engine can serve: the broker answers and the registry has been read.
    pub fn readiness(&self) -> Result<(), Cow<'static, str>> {
        if !self.world.streams.is_connected() {
            return Err("the broker is not connected".into());
        }
        if let Some(hindrance) = self.hindrance() {
            return Err(hindrance.into());
        }
        match self
            .registry
            .borrow()
            .as_ref()
            .map(|known| known.standing.trouble())
        {
            None => return Err("the registry has not been read yet".into()),
            Some(Some(trouble)) => return Err(trouble.into()),
            Some(None) => {}
        }
        if self.cluster.heard.silence(&*self.world.clock) > self.cluster.patience {
            return Err(
                "the broker is connected, but has not answered for a while, or the engine's lease (bucket tailrace_engines) cannot be renewed"
                    .into(),
            );
        }
        if self
            .overview
            .broker_stores_nothing(|tenant| self.is_on_own_account(tenant))
        {
            return Err("the broker stores no commits at present; is its disk full?".into());
        }
        if self.overview.lacks_disk() {
            return Err(
                "no space left on the disk of the engine's data folder; make room there (operator); pipelines go on by themselves"
                    .into(),
            );
        }
        Ok(())
    }

    /// How many entries of the registry this engine cannot read. What they are about is left to others, or waits
    /// for somebody to mend it; the engine serves the rest.
    pub fn unreadable_entries(&self) -> usize {
        let registry = self.registry.borrow();
        registry.as_ref().map_or(0, |registry| registry.unreadable.len())
    }

    /// The registry as this engine sees it now.
    pub fn registry(&self) -> ControlResult<Arc<Registry>> {
        let unread = || BrokerError::Unreachable("the registry has not been read yet".to_owned());
        Ok(self.registry.borrow().clone().ok_or_else(unread)?)
    }

    /// Refuses while it is in doubt what is registered.
    pub(crate) fn check_standing(&self) -> ControlResult<()> {
        let registry = self.registry.borrow();
        let trouble = registry.as_ref().and_then(|known| known.standing.trouble());
        trouble.map_or(Ok(()), |trouble| Err(ControlError::RegistryInDoubt(trouble)))
    }

    /// Keeps in mind a token that the engine's own configuration names, and whether the registry has it.
    pub(crate) fn remember_configured(&self, token: Token, is_admitted: bool) {
        self.configured()
            .insert(token.hash, (Arc::new(token), is_admitted));
    }

    /// The tokens that the engine's own configuration names, and whether the registry has them. What the registry
    /// has counts as it says, unless it is in doubt.
    pub(crate) fn configured(&self) -> MutexGuard<'_, BTreeMap<Digest, (Arc<Token>, bool)>> {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The registry with everything in it that was written before this was asked.
    pub(crate) async fn registry_now(&self) -> ControlResult<Arc<Registry>> {
        let revision = self.world.registry.revision().await?;
        self.wait_until(|registry| registry.revision >= revision).await?;
        self.registry()
    }

    /// A tenant for which something is to be made.
    pub(crate) fn tenant_at_work(&self, name: &Name) -> ControlResult<Arc<Tenant>> {
        let tenant = self.tenant(name)?;
        if tenant.deleting {
            return Err(ControlError::Conflict(format!(
                "tenant {name} is being deleted; wait until it is gone, then make it anew"
            )));
        }
        Ok(tenant)
    }

    /// The world as a tenant's pipelines see it: what is asked of the broker for a tenant is asked there.
    pub(crate) async fn world_of(&self, tenant: &Name) -> ControlResult<World> {
        Ok(self.world.of(self.tenant(tenant)?.nats_account.as_ref()).await?)
    }

    /// The NATS account that a tenant lives in; none for the engine's own.
    pub(crate) fn account_of(&self, tenant: &Name) -> Option<Name> {
        self.tenant(tenant).ok()?.nats_account.clone()
    }

    /// Whether a tenant lives in the engine's own NATS account; another's trouble is that tenant's alone.
    pub(crate) fn is_on_own_account(&self, tenant: &Name) -> bool {
        self.tenant(tenant)
            .is_ok_and(|tenant| tenant.nats_account.is_none())
    }

    pub(crate) fn tenant(&self, name: &Name) -> ControlResult<Arc<Tenant>> {
        let registry = self.registry()?;
        let key = Key::Tenant(name.clone()).to_string();
        if let Some(cause) = registry.unreadable.get(&key) {
            return Err(ControlError::Conflict(unreadable(&key, cause)));
        }
        let tenant = registry.tenants.get(name).cloned();
        tenant.ok_or_else(|| ControlError::not_found("tenant", name))
    }

    pub(crate) fn pipeline(&self, id: &PipelineId) -> ControlResult<Arc<Pipeline>> {
        let registry = self.registry()?;
        let key = Key::Pipeline(id.clone()).to_string();
        if let Some(cause) = registry.unreadable.get(&key) {
            return Err(ControlError::Conflict(unreadable(&key, cause)));
        }
        registry
            .pipelines
            .get(id)
            .cloned()
            .ok_or_else(|| ControlError::not_found("pipeline", &id.pipeline))
    }

    /// An entry as it stands on the broker, with its revision.
    pub(crate) async fn read<T: serde::de::DeserializeOwned>(
        &self,
        key: &Key,
    ) -> ControlResult<Option<(T, u64)>> {
        let Some(entry) = self.world.registry.get(&key.to_string()).await? else {
            return Ok(None);
        };
        let Some(value) = entry.value else { return Ok(None) };
        let value = serde_json::from_slice(&value)
            .map_err(|cause| ControlError::Conflict(unreadable(&key.to_string(), &cause.to_string())))?;
        Ok(Some((value, entry.revision)))
    }

    /// This engine, once it knows itself among the others.
    pub(crate) fn me(&self) -> Option<EngineId> {
        let members = self.cluster.members.borrow();
        members.as_ref().map(|members| members.me.clone())
    }

    /// Time since some fixed point; never goes back.
    pub fn monotonic(&self) -> std::time::Duration {
        self.world.clock.monotonic()
    }

    /// The same, where others must know who it is.
    pub(crate) fn known_me(&self) -> ControlResult<EngineId> {
        let unknown = || BrokerError::Unreachable("this engine has no lease yet".to_owned());
        Ok(self.me().ok_or_else(unknown)?)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.world.clock.unix_ms()
    }

    pub(crate) fn known_version(
        &self,
        tenant: &Name,
        plugin: &PluginRef,
    ) -> ControlResult<Option<Arc<PluginVersion>>> {
        self.tenant(tenant)?;
        Ok(self
            .registry()?
            .plugins
            .get(&(tenant.clone(), plugin.clone()))
            .cloned())
    }

    /// One revision. Those that its pipeline's entry says are read there: under their own keys they are kept later.
    pub async fn revision(&self, id: &PipelineId, number: u64) -> ControlResult<Revision> {
        let missing = || ControlError::not_found("revision", &number);
        let entry = self.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        let (pipeline, _) = entry.ok_or_else(missing)?;
        let is_known = number < pipeline.next_number();
        let candidate = pipeline.candidate.map(|candidate| candidate.revision);
        let said = std::iter::once(pipeline.active).chain(candidate);
        match said.into_iter().find(|said| said.number == number) {
            Some(said) => Ok(said),
            None if is_known => self.kept_revision(id, number).await,
            None => Err(missing()),
        }
    }

    /// A revision, as it is kept under its own key.
    pub(crate) async fn kept_revision(&self, id: &PipelineId, number: u64) -> ControlResult<Revision> {
        let found = self.read(&Key::Revision(id.clone(), number)).await?;
        found
            .map(|(revision, _)| revision)
            .ok_or_else(|| ControlError::not_found("revision", &number))
    }

    /// A tenant's, or the operators'.
    pub(crate) fn tokens_of(&self, tenant: Option<&Name>) -> ControlResult<Vec<Arc<Token>>> {
        let registry = self.registry()?;
        let own = registry.tokens.values().filter(|token| match tenant {
            Some(tenant) => token.scope.is_of(tenant),
            None => matches!(token.scope, Scope::Operator(_)),
        });
        Ok(own.cloned().collect())
    }
}

/// What to do about an entry that this version cannot read.
pub(crate) fn unreadable(key: &str, cause: &str) -> String {
    format!(
        "this engine cannot read the registry's entry {key} ({cause}): a newer engine wrote it, or it is damaged; run the newer engine here too, or look at it with tailrace doctor"
    )
}
