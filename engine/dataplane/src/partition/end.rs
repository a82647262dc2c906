//! How a partition ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a partition ended.
#[derive(Debug)]
pub enum End {
    /// It was asked to.
    Stopped,
    /// Another engine owns it.
    Fenced,
    /// A step's policy pauses the pipeline.
    Paused(String),
    /// A plugin of the revision cannot run; only another revision mends that.
    Plugin(String),
    /// Ours: it starts again from what is committed.
    Failed(String),
}

/// A panic under the lock ends the partition by the turn that it broke off, so none is taken for sound.
pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn failed(cause: impl ToString) -> End {
    End::Failed(cause.to_string())
}

/// What a step of the loop comes to.
pub(super) type Step<T> = Result<T, End>;
