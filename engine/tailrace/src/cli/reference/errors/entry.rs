//! What the page says of one code.

/// What the page says of a code.
pub(super) struct Entry {
    /// What happened.
    pub(super) meaning: &'static str,
    /// Whose fault it is.
    pub(super) fault: &'static str,
    /// The way out.
    pub(super) action: &'static str,
}

pub(super) const fn entry(fault: &'static str, meaning: &'static str, action: &'static str) -> Entry {
    Entry {
        meaning,
        fault,
        action,
    }
}

pub(super) const CLIENT: &str = "the client";
pub(super) const TENANT: &str = "the tenant";
pub(super) const OPERATOR: &str = "the operator";
pub(super) const BROKER: &str = "the broker";
pub(super) const ENGINE: &str = "the engine";
