//! The failure of an event, which has no verdict then.

use std::fmt::Display;

use crate::{Failure, Rejection};

/// Makes failures.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let failure = Failure::invalid("missing-field", "the order has no user");
/// assert_eq!(failure.code(), Some("missing-field"));
/// assert_eq!(Failure::transient("try later").code(), None);
/// ```
impl Failure {
    /// Rejects the event: it becomes a dead letter and is not retried. `code` is short and stable for counting,
    /// such as `missing-field`. `reason` is for people.
    pub fn invalid(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(Rejection {
            code: code.into(),
            reason: reason.into(),
        })
    }

    /// Asks for a retry under the step's `on-error` policy.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient(reason.into())
    }

    /// Returns the code of a rejected event, for tests.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Invalid(rejection) => Some(&rejection.code),
            Self::Transient(_) => None,
        }
    }

    /// Returns the reason of either kind.
    pub fn reason(&self) -> &str {
        match self {
            Self::Invalid(rejection) => &rejection.reason,
            Self::Transient(reason) => reason,
        }
    }

    /// What the plugin itself stored does not decode: trying again would find the same bytes.
    pub(crate) fn unreadable_state(key: &str, error: &dyn Display) -> Self {
        Self::invalid(
            "unreadable-state",
            format!("state {key:?} does not decode: {error}"),
        )
    }

    /// What the plugin wants to keep or send cannot be encoded.
    pub(crate) fn unwritable(what: &str, error: &dyn Display) -> Self {
        Self::invalid("unwritable-value", format!("{what} cannot be encoded: {error}"))
    }
}
