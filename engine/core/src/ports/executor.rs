//! Guest threads, as those see them who have something to run there: plugins run nowhere else, and reads of
//! the local state store that may take long run there too.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::name::Name;

/// Something to do on a guest thread; gives the fuel that it used.
pub type Job = Box<dyn FnOnce() -> u64 + Send>;

/// Runs turns. The data plane has the real one, with threads of its own; a simulation runs them on the spot.
pub trait Executor: Send + Sync {
    /// Queues a turn of this tenant.
    fn submit(&self, tenant: &Name, job: Job);
    /// Tenants with another weight than 1; those of before are forgotten.
    fn weigh(&self, _weights: BTreeMap<Name, u32>) {}
}

/// A turn panicked or the threads are gone: ours, and the partition starts again.
#[derive(Debug, thiserror::Error)]
#[error("a turn did not come to its end")]
pub struct TurnLost;

/// Runs `act` on a guest thread and waits for what it gives.
pub async fn run<T: Send + 'static>(
    executor: &dyn Executor,
    tenant: &Name,
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TurnLost> {
    run_metered(executor, tenant, || (act(), 0)).await
}

/// The same for what uses fuel, and says how much.
pub async fn run_metered<T: Send + 'static>(
    executor: &dyn Executor,
    tenant: &Name,
    act: impl FnOnce() -> (T, u64) + Send + 'static,
) -> Result<T, TurnLost> {
    let (sender, receiver) = oneshot::channel();
    let job = move || {
        let (given, fuel) = act();
        drop(sender.send(given));
        fuel
    };
    executor.submit(tenant, Box::new(job));
    receiver.await.map_err(|_| TurnLost)
}
