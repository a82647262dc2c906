//! The control plane: what the API and the command line ask for. It checks, writes the registry and
//! answers queries; it never touches a running pipeline. The engines follow the registry.
//!
//! One file a subject: [`access`] (tenants), [`tokens`], [`plugins`] ([`trial`] before they are kept),
//! [`audit`] (who changed what), [`amounts`] (quotas), [`pipelines`], [`status`], [`queries`] (state, vectors),
//! [`sketches`] (long ones in `beside`), [`dead_letters`], `graph` (the flow as a picture), [`views`] (taps and logs),
//! [`measure`] (what metrics show),
//! [`stamp`] (how long an answer stays right), [`alarms`]. What goes wrong is a [`ControlError`], which says
//! whose fault it is; the edge turns it into HTTP.

pub mod access;
mod admission;
pub mod alarms;
pub mod amounts;
pub mod audit;
mod beside;
pub mod candidates;
mod checks;
pub mod dead_letters;
mod error;
mod graph;
mod local;
pub mod measure;
mod peers;
pub mod pipelines;
pub mod plugins;
pub mod queries;
pub mod sketches;
pub mod stamp;
mod state_versions;
pub mod status;
pub mod tokens;
pub mod trial;
pub mod views;

use std::{sync::Arc, time::Duration};

pub use admission::UploadPlace;
use bytes::Bytes;
pub use error::ControlError;
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    audit::Actor,
    identity::PipelineId,
    membership::Cluster,
    name::Name,
    pipeline::engine::Overview,
    ports::{World, broker::BrokerError, registry::WriteError},
    registry::{Key, Pipeline, Registry, Tenant},
};

/// Longest that a writer waits until its own engine has seen what it wrote.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// The control plane of one engine.
#[derive(Clone)]
pub struct Control {
    world: World,
    registry: watch::Receiver<Option<Arc<Registry>>>,
    overview: Overview,
    cluster: Cluster,
    uploads: admission::Places,
    actor: Actor,
    alarms: Arc<alarms::Board>,
    amounts: amounts::Amounts,
    merges: beside::Places,
    /// Who revokes an operator's token.
    revoking: Arc<tokio::sync::Mutex<()>>,
}

type Outcome<T> = Result<T, ControlError>;

impl Control {
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
            uploads: admission::Places::default(),
            actor: Actor::engine(),
            alarms: Arc::default(),
            amounts: amounts::Amounts::default(),
            merges: beside::Places::default(),
            revoking: Arc::default(),
        }
    }

    /// What runs on this engine.
    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    /// Whether this engine can serve: the broker answers and the registry has been read.
    pub fn readiness(&self) -> Result<(), &'static str> {
        if !self.world.streams.is_connected() {
            return Err("the broker is not connected");
        }
        if self.registry.borrow().is_none() {
            return Err("the registry has not been read yet");
        }
        if self.cluster.heard.silence(&*self.world.clock) > self.cluster.patience {
            return Err("the broker is connected, but has not answered for a while");
        }
        if self
            .overview
            .broker_stores_nothing(|tenant| self.is_on_own_account(tenant))
        {
            return Err("the broker stores no commits at present; is its disk full?");
        }
        Ok(())
    }

    /// The registry as this engine sees it now.
    pub fn registry(&self) -> Outcome<Arc<Registry>> {
        let unread = || BrokerError::Unreachable("the registry has not been read yet".to_owned());
        Ok(self.registry.borrow().clone().ok_or_else(unread)?)
    }

    /// The world as a tenant's pipelines see it: what is asked of the broker for a tenant is asked there.
    async fn world_of(&self, tenant: &Name) -> Outcome<World> {
        Ok(self.world.of(&*self.tenant(tenant)?).await?)
    }

    /// The NATS account that a tenant lives in; none for the engine's own.
    fn account_of(&self, tenant: &Name) -> Option<Name> {
        self.tenant(tenant).ok()?.nats_account.clone()
    }

    /// Whether a tenant lives in the engine's own NATS account; another's trouble is that tenant's alone.
    fn is_on_own_account(&self, tenant: &Name) -> bool {
        self.tenant(tenant)
            .is_ok_and(|tenant| tenant.nats_account.is_none())
    }

    fn tenant(&self, name: &Name) -> Outcome<Arc<Tenant>> {
        self.registry()?
            .tenants
            .get(name)
            .cloned()
            .ok_or_else(|| ControlError::not_found("tenant", name))
    }

    fn pipeline(&self, id: &PipelineId) -> Outcome<Arc<Pipeline>> {
        let registry = self.registry()?;
        registry
            .pipelines
            .get(id)
            .cloned()
            .ok_or_else(|| ControlError::not_found("pipeline", &id.pipeline))
    }

    /// Writes an entry whose revision is `expected`, and waits until this engine sees it.
    async fn write(&self, key: &Key, value: &impl Serialize, expected: u64) -> Outcome<()> {
        let bytes = serde_json::to_vec(value).map_err(|cause| ControlError::Internal(cause.to_string()))?;
        let written = self
            .world
            .registry
            .put(&key.to_string(), Bytes::from(bytes), expected)
            .await;
        let revision = written.map_err(|cause| match cause {
            WriteError::Conflict(_) => ControlError::Conflict(format!(
                "{key} was changed by somebody else meanwhile; look again and repeat"
            )),
            WriteError::Broker(cause) => cause.into(),
        })?;
        self.wait_until(|registry| registry.revision >= revision).await
    }

    async fn remove(&self, key: &Key) -> Outcome<()> {
        Ok(self.world.registry.delete(&key.to_string()).await?)
    }

    /// An entry as it stands on the broker, with its revision.
    async fn read<T: serde::de::DeserializeOwned>(&self, key: &Key) -> Outcome<Option<(T, u64)>> {
        let Some(entry) = self.world.registry.get(&key.to_string()).await? else {
            return Ok(None);
        };
        let Some(value) = entry.value else { return Ok(None) };
        let value = serde_json::from_slice(&value)
            .map_err(|cause| ControlError::Internal(format!("{key} cannot be read: {cause}")))?;
        Ok(Some((value, entry.revision)))
    }

    /// Revision that a write of a key which does not exist must expect.
    async fn revision_of(&self, key: &Key) -> Outcome<u64> {
        let entry = self.world.registry.get(&key.to_string()).await?;
        Ok(entry.map_or(0, |entry| entry.revision))
    }

    async fn wait_until(&self, seen: impl Fn(&Registry) -> bool) -> Outcome<()> {
        let mut registry = self.registry.clone();
        let wait = registry.wait_for(|registry| registry.as_ref().is_some_and(|registry| seen(registry)));
        match tokio::time::timeout(SEEN_WITHIN, wait).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                Err(BrokerError::Unreachable("the change was written, but is not seen yet".to_owned()).into())
            }
        }
    }

    /// Time since some fixed point; never goes back.
    pub fn monotonic(&self) -> std::time::Duration {
        self.world.clock.monotonic()
    }

    fn now_ms(&self) -> u64 {
        self.world.clock.unix_ms()
    }
}
