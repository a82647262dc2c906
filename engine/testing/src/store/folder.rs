//! The folder of the store that is none.

/// The folder that errors name. An answer to a client must never hold it.
pub const FOLDER: &str = "/var/lib/tailrace/state/shop";
