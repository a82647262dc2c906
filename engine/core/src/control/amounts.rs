//! How much a tenant has, beside how much it may have. What the registry counts (plugins, pipelines,
//! partitions) is counted where it is asked for; what lies in images is weighed by the partitions as they
//! commit, and summed here: every engine asks the others every few seconds, and tells its own pipelines of
//! the tenant when there is too much. They read that once a turn, so nothing on an event's path waits.
//!
//! A tenant can pass its quota by what it writes in those seconds. Pipelines that wait or are paused count
//! as long as the engine that ran them lives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Control, ControlError, Outcome};
use crate::{
    membership::EngineId,
    name::Name,
    ports::store::Weight,
    registry::{Registry, Tenant},
};

/// How often the weights are summed.
const EVERY: Duration = Duration::from_secs(2);
/// Longest wait for another engine; what it said last is taken where it does not answer.
const ASK_WITHIN: Duration = Duration::from_secs(2);
/// What one engine asks another. No [`super::local`] question begins like that: its first byte would be
/// the length of a name, and names are shorter.
pub(super) const QUESTION: &[u8] = b"\xffweights";
/// Compilations are counted by the minute, and forgotten after an hour.
const MINUTE_MS: u64 = 60_000;
const WINDOW_MINUTES: u64 = 60;

type Weights = BTreeMap<Name, Weight>;

/// What is known of amounts, shared by all who ask.
#[derive(Clone, Default)]
pub(super) struct Amounts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Of all engines.
    held: Mutex<Weights>,
    /// As each other engine said last.
    elsewhere: Mutex<BTreeMap<EngineId, Weights>>,
    /// Milliseconds of compilation by tenant and minute.
    compiled: Mutex<BTreeMap<Name, BTreeMap<u64, u64>>>,
}

/// How much a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Used {
    /// Plugin versions.
    pub plugins: u64,
    /// Bytes of plugin versions.
    pub plugin_bytes: u64,
    /// Pipelines.
    pub pipelines: u64,
    /// Partitions of all pipelines.
    pub partitions: u64,
    /// Bytes of keys and values of state, over all engines.
    pub state_bytes: u64,
    /// Bytes of ids and numbers of vectors, over all engines.
    pub vector_bytes: u64,
    /// Seconds of compilation in the last hour, on the engine that answers.
    pub compile_seconds: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Amounts {
    fn held(&self, tenant: &Name) -> Weight {
        lock(&self.0.held).get(tenant).copied().unwrap_or_default()
    }

    /// Seconds that the tenant's compilations took in the hour before now.
    pub(super) fn compiled_seconds(&self, tenant: &Name, now_ms: u64) -> u64 {
        let mut compiled = lock(&self.0.compiled);
        let since = (now_ms / MINUTE_MS).saturating_sub(WINDOW_MINUTES);
        let Some(minutes) = compiled.get_mut(tenant) else {
            return 0;
        };
        minutes.retain(|minute, _| *minute > since);
        let seconds = minutes.values().sum::<u64>() / 1_000;
        if minutes.is_empty() {
            compiled.remove(tenant);
        }
        seconds
    }

    /// A compilation took so long.
    pub(super) fn compiled(&self, tenant: &Name, now_ms: u64, took: Duration) {
        let mut compiled = lock(&self.0.compiled);
        let minutes = compiled.entry(tenant.clone()).or_default();
        *minutes.entry(now_ms / MINUTE_MS).or_default() += took.as_millis() as u64;
    }
}

impl Control {
    /// How much a tenant has.
    pub fn used(&self, tenant: &Name) -> Outcome<Used> {
        self.tenant(tenant)?;
        Ok(self.used_by(&*self.registry()?, tenant))
    }

    pub(super) fn used_by(&self, registry: &Registry, tenant: &Name) -> Used {
        let Weight {
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
                .map(|(_, pipeline)| u64::from(pipeline.active.spec.partitions))
                .sum(),
            state_bytes,
            vector_bytes,
            compile_seconds: self.amounts.compiled_seconds(tenant, self.now_ms()),
        }
    }

    /// Whether a tenant may upload a plugin of this size now.
    pub(super) fn check_upload(&self, tenant: &Tenant, bytes: u64) -> Outcome<()> {
        let used = self.used_by(&*self.registry()?, &tenant.name);
        let quotas = &tenant.quotas;
        let full = |what: &str, most: u64| {
            let hint = "ask an operator to raise it";
            Err(ControlError::Quota(format!(
                "the tenant's quota of {most} {what} is used up; {hint}"
            )))
        };
        if used.plugins >= u64::from(quotas.plugins) {
            return full("plugin versions", quotas.plugins.into());
        }
        if used.plugin_bytes.saturating_add(bytes) > quotas.plugin_bytes {
            return full("bytes of plugins", quotas.plugin_bytes);
        }
        if used.compile_seconds >= quotas.compile_seconds {
            return full("seconds of compilation an hour", quotas.compile_seconds);
        }
        Ok(())
    }

    /// Sums the weights and tells the pipelines, until it is stopped.
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

    /// Weights of what runs on this engine, by tenant.
    pub(super) fn weights_here(&self) -> Vec<(Name, Weight)> {
        let mut weights = Weights::new();
        for (id, status) in self.overview.all() {
            let weight = status.weight();
            if weight != Weight::default() {
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
            let weights: Vec<(Name, Weight)> = postcard::from_bytes(&answer).ok()?;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilations_count_for_an_hour_and_each_tenant_has_its_own() {
        let (amounts, now_ms) = (Amounts::default(), 100 * 60 * MINUTE_MS);
        let (shop, bank) = (Name::new("shop").unwrap(), Name::new("bank").unwrap());
        amounts.compiled(&shop, now_ms, Duration::from_secs(20));
        amounts.compiled(&shop, now_ms + 30 * MINUTE_MS, Duration::from_millis(1_500));
        assert_eq!(amounts.compiled_seconds(&shop, now_ms + 31 * MINUTE_MS), 21);
        assert_eq!(amounts.compiled_seconds(&bank, now_ms), 0);
        assert_eq!(amounts.compiled_seconds(&shop, now_ms + 61 * MINUTE_MS), 1);
        assert_eq!(amounts.compiled_seconds(&shop, now_ms + 120 * MINUTE_MS), 0);
        assert!(lock(&amounts.0.compiled).is_empty(), "nothing is kept");
    }
}
