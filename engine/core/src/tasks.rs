//! The one home of `tokio::spawn` and of threads that may block: a task that panics is ours, and says so, instead of vanishing.
//!
//! A simulation may stand between the tasks of a thread and its runtime ([`simulate`]). The runtime wakes those
//! who wait for one thing in an order of its own choice, and no seed would repeat that.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinHandle;

/// A task, as a simulation sees it.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Decides when tasks that were woken go on, and which of them is first.
pub trait Simulation: Send + Sync {
    /// Takes charge of a task: what it gives is spawned in the task's place.
    fn take(&self, task: Task) -> Task;
}

thread_local! {
    static SIMULATION: RefCell<Option<Arc<dyn Simulation>>> = const { RefCell::new(None) };
}

/// Gives what is spawned on this thread into the hands of a simulation, or of nobody again.
pub fn simulate(simulation: Option<Arc<dyn Simulation>>) {
    SIMULATION.with_borrow_mut(|current| *current = simulation);
}

/// Spawns a task on the current runtime. Whoever spawns it keeps the handle and ends it.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    #[allow(clippy::disallowed_methods, reason = "this is its home")]
    match SIMULATION.with_borrow(Clone::clone) {
        None => tokio::spawn(task),
        Some(simulation) => tokio::spawn(simulated(&*simulation, task)),
    }
}

/// Runs what blocks on a thread of its own. Whoever asks for it bounds how many there are.
pub fn spawn_blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    if SIMULATION.with_borrow(Option::is_some) {
        // No thread: when it is done would depend on the machine.
        return spawn(async move { act() });
    }
    tokio::task::spawn_blocking(act)
}

fn simulated<T: Send + 'static>(
    simulation: &dyn Simulation,
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let given = Arc::new(Mutex::new(None));
    let place = given.clone();
    let taken = simulation.take(Box::pin(async move {
        let value = task.await;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }));
    async move {
        taken.await;
        let value = given.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("a task that has ended has given its value")
    }
}
