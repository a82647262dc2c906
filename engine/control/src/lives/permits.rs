//! How many changes are under way at once: a few of each tenant, and a bounded number in all. One that is stuck
//! holds up its own tenant's others, and nobody else's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tailrace_core::name::Name;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Changes of one tenant at once.
const OF_A_TENANT: usize = 16;

/// The permits.
#[derive(Default)]
pub(crate) struct Permits(Mutex<BTreeMap<Option<Name>, Arc<Semaphore>>>);

impl Permits {
    /// Waits for a permit of this tenant.
    pub(crate) async fn take(&self, tenant: Option<&Name>) -> Option<OwnedSemaphorePermit> {
        let of_tenant = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds, or waits for, are not kept.
            known.retain(|_, permits| {
                Arc::strong_count(permits) > 1 || permits.available_permits() < OF_A_TENANT
            });
            known
                .entry(tenant.cloned())
                .or_insert_with(|| Arc::new(Semaphore::new(OF_A_TENANT)))
                .clone()
        };
        of_tenant.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_that_has_all_its_permits_holds_up_nobody_else() {
        let permits = Permits::default();
        let (stuck, other) = (Name::new("stuck").unwrap(), Name::new("other").unwrap());
        let mut held = Vec::new();
        for _ in 0..OF_A_TENANT {
            held.push(permits.take(Some(&stuck)).await.unwrap());
        }
        let mut waits = Box::pin(permits.take(Some(&stuck)));
        assert!(futures::poll!(&mut waits).is_pending());
        assert!(permits.take(Some(&other)).await.is_some());
        held.pop();
        assert!(waits.await.is_some());
    }
}
