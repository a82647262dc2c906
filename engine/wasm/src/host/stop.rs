//! Why a host function stops a guest.

use tailrace_core::ports::plugins::{HostError, TrapCode};

/// Why a host function stops the guest. Travels through wasmtime as an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The guest did more than one call may.
    #[error("{0}")]
    OverCap(String),
    /// The guest wants more memory or tables than it may have.
    #[error("{0}")]
    OutOfMemory(String),
    /// The guest asked for what there is not.
    #[error("{0}")]
    Misuse(String),
    /// The tenant has no room for more of something.
    #[error("{1}")]
    Quota(TrapCode, String),
    /// Ours.
    #[error("{0}")]
    Engine(String),
}

impl From<HostError> for Stop {
    fn from(cause: HostError) -> Self {
        match cause {
            HostError::Misuse(reason) => Self::Misuse(reason),
            HostError::StateQuota => Self::Quota(TrapCode::StateQuota, cause.to_string()),
            HostError::VectorQuota => Self::Quota(TrapCode::VectorQuota, cause.to_string()),
            HostError::Store(cause) => Self::Engine(cause.to_string()),
        }
    }
}
