//! Times, brought to milliseconds since 1970, as the engine itself reads them.

use tailrace_sdk::time;

use crate::{config::Unit, json::Json};

/// Reads a time: a number in the field's unit, RFC 3339 text, or, where conversion is allowed, a
/// number in text. None for what is no time; negative for one before 1970.
pub(crate) fn to_ms(value: &Json<'_>, unit: Unit, convert: bool) -> Option<i64> {
    let unit = match unit {
        Unit::S => time::Unit::S,
        Unit::Ms => time::Unit::Ms,
        Unit::Us => time::Unit::Us,
        Unit::Ns => time::Unit::Ns,
    };
    match value {
        Json::Number(number) => time::number_ms(number.as_str(), unit),
        Json::Text(text) => match time::rfc3339_ms(text) {
            Ok(ms) => Some(ms),
            Err(_) if convert => time::number_ms(text.trim(), unit),
            Err(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_ms;
    use crate::config::Unit;

    #[test]
    fn times_come_in_several_forms() {
        for (value, unit, convert, ms) in [
            (json!(789_652_009_000_i64), Unit::Ms, false, Some(789_652_009_000)),
            (json!(789_652_009), Unit::S, false, Some(789_652_009_000)),
            (
                json!(789_652_009_000_000_i64),
                Unit::Us,
                false,
                Some(789_652_009_000),
            ),
            (
                json!(789_652_009_000_000_000_i64),
                Unit::Ns,
                false,
                Some(789_652_009_000),
            ),
            (json!(1.5), Unit::S, false, Some(1_500)),
            (json!(1500.9), Unit::Ms, false, Some(1_500)),
            (
                json!("1995-01-09T11:46:49Z"),
                Unit::Ms,
                false,
                Some(789_652_009_000),
            ),
            (
                json!("1995-01-09t12:46:49.250+01:00"),
                Unit::S,
                false,
                Some(789_652_009_250),
            ),
            (json!("1969-12-31T23:59:59Z"), Unit::Ms, false, Some(-1_000)),
            (json!(" 1500 "), Unit::Ms, true, Some(1_500)),
            (json!("1500"), Unit::Ms, false, None),
            (json!("1995-01-09T11:46:49"), Unit::Ms, false, None),
            (json!("yesterday"), Unit::Ms, true, None),
            (json!("1995-13-09T11:46:49Z"), Unit::Ms, true, None),
            (json!(true), Unit::Ms, true, None),
            (json!(i64::MAX), Unit::S, false, None),
            (json!(1e300), Unit::Ms, false, None),
        ] {
            assert_eq!(to_ms(&value.clone().into(), unit, convert), ms, "{value}");
        }
    }
}
