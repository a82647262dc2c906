//! Why an event has no verdict.

use std::fmt::Display;

use crate::{Failure, Rejection};

impl Failure {
    /// The event itself is at fault: it becomes a dead letter and is not tried again. `code` is short
    /// and stable, for counting, such as `missing-field`; `reason` is for a person.
    pub fn invalid(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(Rejection {
            code: code.into(),
            reason: reason.into(),
        })
    }

    /// Worth another try under the step's retry policy.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient(reason.into())
    }

    /// The code of an invalid event, for tests.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Invalid(rejection) => Some(&rejection.code),
            Self::Transient(_) => None,
        }
    }

    /// The reason, whichever kind it is.
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
