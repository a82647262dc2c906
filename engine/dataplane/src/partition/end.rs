//! How a partition ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tailrace_core::ports::store::StoreError;

/// What pauses a pipeline where no person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pauser {
    /// `on-error` of a step.
    StepPolicy,
    /// `circuit-breaker`.
    CircuitBreaker,
}

/// How a partition ended.
#[derive(Debug)]
pub enum End {
    /// It was asked to.
    Stopped,
    /// Another engine owns it.
    Fenced,
    /// The pipeline is to be paused.
    Paused(Pauser, String),
    /// A plugin of the revision cannot run; only another revision mends that.
    Plugin(String),
    /// The disk of the data folder is full.
    NoRoom(String),
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

/// The local store failed.
#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn store_failed(cause: StoreError) -> End {
    match cause {
        StoreError::NoRoom(_) => End::NoRoom(cause.to_string()),
        _ => failed(cause),
    }
}

/// What a step of the loop comes to.
pub(super) type Step<T> = Result<T, End>;
