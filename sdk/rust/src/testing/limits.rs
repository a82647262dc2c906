//! The engine's limits that a test meets too.

/// Longest state key or vector id in bytes, as in the engine.
const MAX_KEY_BYTES: usize = 1024;

/// A plugin that builds keys from its input must bound them: the engine traps here, a test panics.
pub(super) fn check_key(what: &str, key: &str) {
    assert!(
        key.len() <= MAX_KEY_BYTES,
        "a {what} has at most {MAX_KEY_BYTES} bytes, not {}",
        key.len()
    );
}
