//! Work of queries that may take long, on threads that may block: the API's own, and those that serve the
//! broker, go on meanwhile. What is merged for a query of fifty thousand windows takes a third of a
//! second of a core, of large sketches more, so a few go on at a time and the others wait in their order;
//! who went away meanwhile costs no more than what has begun.

use std::sync::Arc;

use tailrace_core::tasks;
use tokio::sync::Semaphore;

use crate::{
    error::{ControlError, Outcome},
    query::{
        Queries,
        local::{Answer, Question, What},
    },
};

/// Merges at once on an engine: so many cores at most are taken from the pipelines.
const AT_ONCE: usize = 2;

/// The places for such work. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Queries {
    /// Does it beside, when there is a place.
    pub(crate) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Outcome<T> {
        let lost = |cause: String| ControlError::Internal(cause);
        let place = self.merges.0.clone().acquire_owned().await;
        let place = place.map_err(|cause| lost(cause.to_string()))?;
        let done = tasks::spawn_blocking(move || {
            let done = work();
            // Held by the work itself, which goes on when the client goes away.
            drop(place);
            done
        });
        done.await.map_err(|cause| lost(cause.to_string()))
    }

    /// Answers from the images on this machine; beside, where many windows may have to be merged.
    pub(crate) async fn answer_local(&self, question: Question) -> Outcome<Answer> {
        if !matches!(question.what, What::Slice { .. }) {
            return self.answer_here(&question);
        }
        let control = self.clone();
        self.beside(move || control.answer_here(&question)).await?
    }
}
