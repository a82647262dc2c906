//! The one home of `tokio::spawn` and of threads that may block: a task that panics is ours, and says so, instead of vanishing.

use std::future::Future;

use tokio::task::JoinHandle;

/// Spawns a task on the current runtime. Whoever spawns it keeps the handle and ends it.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    #[allow(clippy::disallowed_methods, reason = "this is its home")]
    tokio::spawn(task)
}

/// Runs what blocks on a thread of its own. Whoever asks for it bounds how many there are.
pub fn spawn_blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(act)
}
