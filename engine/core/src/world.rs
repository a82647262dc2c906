//! Everything that an engine needs of the world, wired once.

use std::sync::Arc;

use crate::{
    compile_semaphore::CompileSemaphore,
    name::Name,
    ports::{
        accounts::{self, AccountError, AccountPorts},
        audit, broker, clock,
        executor::Executor,
        messages, notices, peers, plugins, registry, store, tenant_streams, tracer,
    },
};

/// The world, as one engine sees it: every port, wired by the binary or by a simulation.
#[derive(Clone)]
pub struct World {
    /// The broker's streams.
    pub streams: Arc<dyn broker::Streams>,
    /// Input streams.
    pub input: Arc<dyn broker::Input>,
    /// Commits.
    pub commits: Arc<dyn broker::CommitLog>,
    /// Dead letters.
    pub dead_letters: Arc<dyn broker::DeadLetters>,
    /// Snapshots of partitions.
    pub snapshots: Arc<dyn broker::Snapshots>,
    /// Messages, sent and read by hand.
    pub messages: Arc<dyn messages::Messages>,
    /// Streams that tenants make.
    pub tenant_streams: Arc<dyn tenant_streams::TenantStreams>,
    /// NATS accounts of tenants; in a tenant's world the seven above are those of its account.
    pub accounts: Arc<dyn accounts::Accounts>,
    /// Tenants, plugins, pipelines.
    pub registry: Arc<dyn registry::RegistryStore>,
    /// The audit log.
    pub audit: Arc<dyn audit::AuditLog>,
    /// Leases of the engines.
    pub leases: Arc<dyn registry::Bucket>,
    /// What alarms remember.
    pub alarms: Arc<dyn registry::Bucket>,
    /// Where notices of alarms go.
    pub notices: Arc<dyn notices::Notices>,
    /// The other engines.
    pub peers: Arc<dyn peers::Peers>,
    /// Local state stores.
    pub store: Arc<dyn store::LocalStore>,
    /// The sandbox.
    pub plugins: Arc<dyn plugins::PluginRuntime>,
    /// Permits for compilations.
    pub compilers: CompileSemaphore,
    /// Guest threads.
    pub turns: Arc<dyn Executor>,
    /// Where spans go.
    pub tracer: Arc<dyn tracer::Tracer>,
    /// Time.
    pub clock: Arc<dyn clock::Clock>,
    /// Randomness.
    pub random: Arc<dyn clock::Random>,
}

impl World {
    /// The engine's own world as it looks from this NATS account; none is the engine's own.
    pub async fn of(&self, account: Option<&Name>) -> Result<Self, AccountError> {
        let Some(account) = account else {
            return Ok(self.clone());
        };
        let AccountPorts {
            streams,
            input,
            commits,
            dead_letters,
            snapshots,
            messages,
            tenant_streams,
        } = self.accounts.open(account).await?;
        Ok(Self {
            streams,
            input,
            commits,
            dead_letters,
            snapshots,
            messages,
            tenant_streams,
            ..self.clone()
        })
    }
}
