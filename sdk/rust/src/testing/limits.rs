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

/// Longest name of a timer in bytes, and its largest payload, as in the engine.
const MAX_TIMER_NAME_BYTES: usize = 128;
const MAX_TIMER_PAYLOAD_BYTES: usize = 64 * 1024;

pub(super) fn check_timer_name(name: &str) {
    assert!(
        name.len() <= MAX_TIMER_NAME_BYTES && !name.chars().any(char::is_control),
        "a timer's name has at most {MAX_TIMER_NAME_BYTES} bytes and no control characters"
    );
}

pub(super) fn check_timer_payload(payload: &[u8]) {
    assert!(
        payload.len() <= MAX_TIMER_PAYLOAD_BYTES,
        "a timer's payload has at most {MAX_TIMER_PAYLOAD_BYTES} bytes, not {}",
        payload.len()
    );
}
