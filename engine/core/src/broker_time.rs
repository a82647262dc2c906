//! The times that the broker can count to. Each time that it is given is one of them.

/// The last time that the broker can count to, in April 2262: it counts nanoseconds in 64 bits. A later one it takes
/// for one long ago.
pub const LAST_TIME_MS: u64 = 9_223_372_036_854;

/// A time in milliseconds since 1970, negative before it, as the nearest that the broker can count to.
pub fn countable_ms(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).min(LAST_TIME_MS)
}
