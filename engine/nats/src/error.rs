//! What the client's errors mean to the engine.

use tailrace_core::ports::broker::BrokerError;

/// The broker did not do what was asked; the outcome of a write is unknown.
pub(crate) fn unreachable(cause: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Unreachable(cause.to_string())
}
