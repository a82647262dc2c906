//! Times as events bring them, for all who read them: the engine, its command line and plugins. There is one
//! reader, so the same text is never a time to one and none to the other.
//!
//! - [`rfc3339`]: text with a date, a time of day and an offset;
//! - [`number`]: a number of seconds, milliseconds, microseconds or nanoseconds since 1970.
//!
//! Both come to milliseconds since 1970, negative before it. No IO, no clock, no allocation on the way of an
//! event.

pub mod number;
pub mod rfc3339;

pub use number::Unit;
pub use rfc3339::{NotATime, rfc3339_ms};

/// A time in text: RFC 3339, or a number in the unit.
pub fn text_ms(text: &str, unit: Unit) -> Result<i64, NotATime> {
    match unit.to_ms(text) {
        Some(ms) => Ok(ms),
        None => rfc3339_ms(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_or_a_date() {
        assert_eq!(text_ms("1500", Unit::Ms), Ok(1_500));
        assert_eq!(text_ms("1500", Unit::S), Ok(1_500_000));
        assert_eq!(text_ms("1970-01-01T00:00:01.5Z", Unit::S), Ok(1_500));
        assert_eq!(text_ms("2026", Unit::Ms), Ok(2_026));
        assert_eq!(text_ms("yesterday", Unit::Ms), Err(NotATime::Form));
    }
}
