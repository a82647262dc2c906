//! Permits for compilations. A compilation may take a core and 2 GiB, so there are few permits, and one
//! tenant never has them all. An upload takes one, and so does a plugin whose machine code is not at hand
//! when its pipeline starts. A compilation waits among its tenant's own first, so each tenant has a queue of
//! its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::name::Name;

/// Compilations at a time.
const COMPILATIONS: usize = 4;
/// Of them, those of one tenant.
const COMPILATIONS_PER_TENANT: usize = 2;

/// The compile permits of one engine.
#[derive(Clone)]
pub struct CompileSemaphore(Arc<Shared>);

struct Shared {
    all: Arc<Semaphore>,
    /// Tenants of whom somebody compiles or waits.
    tenants: Mutex<BTreeMap<Name, Weak<Semaphore>>>,
}

impl Default for CompileSemaphore {
    fn default() -> Self {
        Self(Arc::new(Shared {
            all: Arc::new(Semaphore::new(COMPILATIONS)),
            tenants: Mutex::default(),
        }))
    }
}

/// The right to one compilation, held by the work itself.
pub struct CompilePermit {
    _of_tenant: OwnedSemaphorePermit,
    _of_engine: OwnedSemaphorePermit,
}

impl CompileSemaphore {
    /// Waits for a permit, for ever if it must; none only if there are no permits any more.
    pub async fn turn(&self, tenant: &Name) -> Option<CompilePermit> {
        let of_tenant = self.of(tenant).acquire_owned().await.ok()?;
        let of_engine = self.0.all.clone().acquire_owned().await.ok()?;
        Some(CompilePermit {
            _of_tenant: of_tenant,
            _of_engine: of_engine,
        })
    }

    fn of(&self, tenant: &Name) -> Arc<Semaphore> {
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by those who wait: a permit holds its semaphore.
        tenants.retain(|_, places| places.strong_count() > 0);
        if let Some(known) = tenants.get(tenant).and_then(Weak::upgrade) {
            return known;
        }
        let places = Arc::new(Semaphore::new(COMPILATIONS_PER_TENANT));
        tenants.insert(tenant.clone(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn has_place(compilers: &CompileSemaphore, tenant: &str) -> Option<CompilePermit> {
        let tenant = Name::new(tenant).unwrap();
        let turn = tokio::time::timeout(Duration::from_secs(1), compilers.turn(&tenant));
        turn.await.ok().flatten()
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_waits_for_its_own_places_and_others_do_not() {
        let compilers = CompileSemaphore::default();
        let first = has_place(&compilers, "greedy").await.expect("a place");
        let second = has_place(&compilers, "greedy").await.expect("a place");
        assert!(has_place(&compilers, "greedy").await.is_none());
        let third = has_place(&compilers, "modest").await.expect("a place");
        drop(first);
        let fourth = has_place(&compilers, "greedy").await.expect("a place");
        assert_eq!(compilers.0.tenants.lock().unwrap().len(), 2);
        drop((second, third, fourth));
        assert!(has_place(&compilers, "other").await.is_some());
        assert_eq!(compilers.0.tenants.lock().unwrap().len(), 1, "nothing is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn many_tenants_together_do_not_get_more_than_there_is() {
        let compilers = CompileSemaphore::default();
        let mut held = Vec::new();
        for tenant in ["a", "b", "c", "d"] {
            held.push(has_place(&compilers, tenant).await.expect("a place"));
        }
        assert!(has_place(&compilers, "e").await.is_none());
        held.pop();
        assert!(has_place(&compilers, "e").await.is_some());
    }
}
