//! How much each tenant has, as it is known on this engine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tailrace_core::{identity::EngineId, name::Name, ports::store::StoredSize};

/// Compilations are counted by the minute, and forgotten after an hour.
const MINUTE_MS: u64 = 60_000;
const WINDOW_MINUTES: u64 = 60;

pub(crate) type Weights = BTreeMap<Name, StoredSize>;

/// What is known of amounts, shared by all who ask.
#[derive(Clone, Default)]
pub(crate) struct Amounts(pub(crate) Arc<Shared>);

#[derive(Default)]
pub(crate) struct Shared {
    /// Of all engines.
    pub(crate) held: Mutex<Weights>,
    /// As each other engine said last.
    pub(crate) elsewhere: Mutex<BTreeMap<EngineId, Weights>>,
    /// Milliseconds of compilation by tenant and minute.
    compiled: Mutex<BTreeMap<Name, BTreeMap<u64, u64>>>,
}

/// How much a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
#[schemars(rename = "UsedQuotas")]
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
    /// Versions of schemas.
    pub schemas: u64,
    /// Rules that bind subjects to schemas.
    pub schema_rules: u64,
    /// Streams that it has made, where the broker was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<u64>,
    /// Bytes that those streams may hold together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_bytes: Option<u64>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Amounts {
    pub(crate) fn held(&self, tenant: &Name) -> StoredSize {
        lock(&self.0.held).get(tenant).copied().unwrap_or_default()
    }

    /// Seconds that the tenant's compilations took in the hour before now.
    pub(crate) fn compiled_seconds(&self, tenant: &Name, now_ms: u64) -> u64 {
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
    pub(crate) fn compiled(&self, tenant: &Name, now_ms: u64, took: Duration) {
        let mut compiled = lock(&self.0.compiled);
        let minutes = compiled.entry(tenant.clone()).or_default();
        *minutes.entry(now_ms / MINUTE_MS).or_default() += took.as_millis() as u64;
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
