//! How much a tenant has, beside how much it may have. What the registry counts (plugins, pipelines,
//! partitions) is counted where it is asked for. The partitions measure the size of their state stores as
//! they commit, and the sizes are summed here. Every engine asks the others every few seconds, and tells its
//! own pipelines of the tenant when there is too much. They read that once a turn, so nothing on an event's
//! path waits.
//!
//! A tenant can pass its quota by what it writes in those seconds. Pipelines that wait or are paused count
//! as long as the engine that ran them lives.
//!
//! Why: docs/decisions/0028-quotas-are-summed-beside-the-work.md

use std::time::Duration;

use futures::future::join_all;
use tailrace_core::{identity::EngineId, name::Name, ports::store::StoredSize, registry::Registry};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    error::ControlResult,
    usage::{Used, Weights, lock},
};

/// How a tenant makes room for plugins.
pub(crate) const ROOM_FOR_PLUGINS: &str =
    "delete versions that no revision names (tailrace plugin delete NAME@VERSION --yes)";
/// How often the sizes are summed.
const EVERY: Duration = Duration::from_secs(2);
/// Longest wait for another engine; what it said last is taken where it does not answer.
const ASK_WITHIN: Duration = Duration::from_secs(2);
/// What one engine asks another. No [`crate::query::local`] question begins like that: its first byte would be
/// the length of a name, and names are shorter.
pub(crate) const QUESTION: &[u8] = b"\xffweights";

impl Context {
    pub(crate) fn used_by(&self, registry: &Registry, tenant: &Name) -> Used {
        let StoredSize {
            state_bytes,
            vector_bytes,
        } = self.amounts.held(tenant);
        let pipelines = || registry.pipelines_of(tenant);
        let plugins = || registry.plugins_of(tenant);
        Used {
            plugins: plugins().count() as u64,
            plugin_bytes: plugins().map(|version| version.size_bytes).sum(),
            pipelines: pipelines().count() as u64,
            partitions: pipelines()
                .map(|(_, pipeline)| u64::from(pipeline.active.manifest.partitions))
                .sum(),
            state_bytes,
            vector_bytes,
            compile_seconds: self.amounts.compiled_seconds(tenant, self.now_ms()),
            schemas: registry.all_schema_versions_of(tenant).count() as u64,
            schema_rules: registry
                .tenants
                .get(tenant)
                .map_or(0, |owner| owner.schema_rules.len() as u64),
            streams: None,
            stream_bytes: None,
        }
    }

    /// Sizes of what runs on this engine, by tenant.
    pub(crate) fn weights_here(&self) -> Vec<(Name, StoredSize)> {
        let mut weights = Weights::new();
        for (id, status) in self.overview.all() {
            let weight = status.weight();
            if weight != StoredSize::default() {
                *weights.entry(id.tenant).or_default() += weight;
            }
        }
        weights.into_iter().collect()
    }

    async fn weigh_elsewhere(&self) {
        let members = self.cluster.members.borrow().clone();
        let others: Vec<EngineId> = members
            .iter()
            .flat_map(|members| members.alive.iter().filter(|engine| **engine != members.me))
            .cloned()
            .collect();
        let asked = others.iter().map(|engine| async move {
            let answer = self.world.peers.ask(engine, QUESTION.into());
            let answer = tokio::time::timeout(ASK_WITHIN, answer).await.ok()?.ok()?;
            let weights: Vec<(Name, StoredSize)> = postcard::from_bytes(&answer).ok()?;
            Some((engine.clone(), weights.into_iter().collect::<Weights>()))
        });
        let told = join_all(asked).await;
        let mut elsewhere = lock(&self.amounts.0.elsewhere);
        elsewhere.retain(|engine, _| others.contains(engine));
        elsewhere.extend(told.into_iter().flatten());
    }

    /// Sums, and tells every pipeline here whether its tenant has too much.
    fn judge(&self) {
        let mut held: Weights = self.weights_here().into_iter().collect();
        for (tenant, weight) in lock(&self.amounts.0.elsewhere).values().flatten() {
            *held.entry(tenant.clone()).or_default() += *weight;
        }
        let Ok(registry) = self.registry() else { return };
        for (id, status) in self.overview.all() {
            let Some(tenant) = registry.tenants.get(&id.tenant) else {
                continue;
            };
            let weight = held.get(&id.tenant).copied().unwrap_or_default();
            status.set_full(weight.full(tenant.quotas.state_bytes, tenant.quotas.vector_bytes));
        }
        *lock(&self.amounts.0.held) = held;
    }

    /// Sums the sizes and tells the pipelines, until it is stopped.
    pub async fn keep_amounts(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.weigh_elsewhere().await;
            self.judge();
        }
    }

    /// How much a tenant has.
    pub fn used(&self, tenant: &Name) -> ControlResult<Used> {
        self.tenant(tenant)?;
        Ok(self.used_by(&*self.registry()?, tenant))
    }
}
