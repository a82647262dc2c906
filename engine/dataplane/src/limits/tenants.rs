//! The rate limiters of all tenants on this engine, kept up to date with the registry.
//!
//! A tenant's limit holds for all engines together. An engine that is alone has all of it. Otherwise
//! each has the part that its partitions are of all that the tenant's pipelines have; those of paused
//! pipelines do not count. The part is found anew when partitions start or end here, when the registry
//! changes and when engines come or go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tailrace_core::{
    name::Name,
    rate::Rate,
    registry::{Registry, TenantRates},
};

use crate::limits::{EVENTS, FUEL, OUTPUT_BYTES, OUTPUTS, RateLimiter, Rates};

/// The limits of one tenant on this engine.
#[derive(Debug, Default)]
pub struct TenantLimiter {
    limiter: Arc<RateLimiter>,
    terms: Mutex<Terms>,
}

/// What this engine's part follows from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Terms {
    rates: Rates,
    /// Partitions of the tenant that run here.
    here: u64,
    /// Partitions of the tenant that run anywhere.
    everywhere: u64,
    /// Whether there is no other engine.
    alone: bool,
}

impl TenantLimiter {
    /// The rate limiter itself.
    pub fn limiter(&self) -> Arc<RateLimiter> {
        self.limiter.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Terms)) {
        let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut terms);
        let rates = if terms.alone {
            terms.rates
        } else {
            terms.rates.share(terms.here, terms.everywhere)
        };
        self.limiter.set(rates);
    }

    /// So many partitions of the tenant run here, until what this gives is dropped.
    pub fn at_work(self: &Arc<Self>, partitions: usize) -> AtWork {
        let partitions = partitions as u64;
        self.change(|terms| terms.here += partitions);
        AtWork {
            tenant: self.clone(),
            partitions,
        }
    }
}

/// Partitions of a tenant at work.
#[derive(Debug)]
pub struct AtWork {
    tenant: Arc<TenantLimiter>,
    partitions: u64,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.tenant.change(|terms| terms.here -= self.partitions);
    }
}

/// The rate limiters of all tenants.
#[derive(Debug, Default)]
pub struct TenantLimiters(BTreeMap<Name, Arc<TenantLimiter>>);

impl TenantLimiters {
    /// Takes up what the registry says.
    pub fn follow(&mut self, registry: &Registry, alone: bool) {
        self.0.retain(|name, _| registry.tenants.contains_key(name));
        let mut partitions: BTreeMap<&Name, u64> = BTreeMap::new();
        for (id, pipeline) in &registry.pipelines {
            if pipeline.paused.is_none() {
                *partitions.entry(&id.tenant).or_default() += u64::from(pipeline.active.manifest.partitions);
            }
        }
        for (name, tenant) in &registry.tenants {
            let rates = rates(&tenant.quotas.rates);
            let everywhere = partitions.get(name).copied().unwrap_or_default();
            self.of(name).change(|terms| {
                *terms = Terms {
                    rates,
                    everywhere,
                    alone,
                    ..*terms
                };
            });
        }
    }

    /// The rate limiter of a tenant.
    pub fn of(&mut self, tenant: &Name) -> Arc<TenantLimiter> {
        self.0.entry(tenant.clone()).or_default().clone()
    }
}

fn rates(quota: &TenantRates) -> Rates {
    let mut rates = Rates::default();
    rates.0[EVENTS] = quota.events;
    rates.0[OUTPUTS] = quota.outputs;
    rates.0[OUTPUT_BYTES] = quota.output_bytes.map(Rate::from);
    rates.0[FUEL] = quota.fuel;
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(limiter: &TenantLimiter, everywhere: u64, alone: bool) {
        let quota = TenantRates {
            events: Some(Rate::a_second(1_000)),
            ..TenantRates::default()
        };
        limiter.change(|terms| {
            *terms = Terms {
                rates: rates(&quota),
                everywhere,
                alone,
                ..*terms
            };
        });
    }

    fn limit(limiter: &TenantLimiter) -> u64 {
        limiter.limiter.lock()[EVENTS].map_or(0, |limiter| limiter.rate().limit)
    }

    #[test]
    fn an_engine_has_the_part_of_its_partitions_and_all_of_it_when_alone() {
        let limiter = Arc::new(TenantLimiter::default());
        terms(&limiter, 8, false);
        let first = limiter.at_work(2);
        assert_eq!(limit(&limiter), 250);
        let second = limiter.at_work(4);
        assert_eq!(limit(&limiter), 750);
        drop(first);
        assert_eq!(limit(&limiter), 500);
        terms(&limiter, 8, true);
        assert_eq!(limit(&limiter), 1_000);
        drop(second);
        assert_eq!(limit(&limiter), 1_000);
    }
}
