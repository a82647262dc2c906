//! Times in events, read as the engine itself reads them.

pub use tailrace_time::{NotATime, Unit};

/// Reads RFC 3339 text as milliseconds since 1970, negative before it: `2026-11-01T00:00:00+02:00`. It takes any offset,
/// fractions of any length and leap seconds. Text without an offset names no moment, and is refused.
///
/// ```
/// use tailrace_sdk::time;
///
/// assert_eq!(time::rfc3339_ms("2026-11-28t02:30:00.25+02:00"), Ok(1_795_825_800_250));
/// assert!(time::rfc3339_ms("2026-11-28T00:30:00").is_err());
/// ```
pub fn rfc3339_ms(text: &str) -> Result<i64, NotATime> {
    tailrace_time::rfc3339_ms(text)
}

/// Reads a number, as JSON writes it, as milliseconds since 1970. No digit is lost on the way.
///
/// ```
/// use tailrace_sdk::time::{self, Unit};
///
/// assert_eq!(time::number_ms("1795825800.25", Unit::S), Some(1_795_825_800_250));
/// ```
pub fn number_ms(number: &str, unit: Unit) -> Option<i64> {
    unit.to_ms(number)
}
