//! The merge pool: work of queries that may take long, on threads that may block. The API's own threads, and
//! those that serve the broker, go on meanwhile. A query of fifty thousand windows takes a third of a second
//! of a core, and of large sketches more. So a few merges go on at a time, and the others wait in their
//! order. A client that went away meanwhile costs no more than what has begun.
//!
//! Why: docs/decisions/0058-merged-windows-are-kept.md

use std::sync::Arc;

use tailrace_core::tasks;
use tokio::sync::Semaphore;

use crate::error::{ControlError, ControlResult};

/// Merges at once on an engine: so many cores at most are taken from the pipelines.
const AT_ONCE: usize = 2;

/// Permits for such work. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct MergePermits(Arc<Semaphore>);

impl Default for MergePermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl MergePermits {
    /// Does it on a thread that may block, when there is a permit.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> ControlResult<T> {
        let lost = |cause: String| ControlError::Internal(cause);
        let permit = self.0.clone().acquire_owned().await;
        let permit = permit.map_err(|cause| lost(cause.to_string()))?;
        let done = tasks::spawn_blocking(move || {
            let done = work();
            // Held by the work itself, which goes on when the client goes away.
            drop(permit);
            done
        });
        done.await.map_err(|cause| lost(cause.to_string()))
    }
}
