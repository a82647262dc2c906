//! Times, brought to milliseconds since 1970.

use serde_json::Number;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{config::Unit, json::Json};

/// Reads a time: a number in the field's unit, RFC 3339 text, or, where conversion is allowed, a
/// number in text. None for what is no time; negative for one before 1970.
pub(crate) fn to_ms(value: &Json<'_>, unit: Unit, convert: bool) -> Option<i64> {
    match value {
        Json::Number(number) => number_to_ms(number, unit),
        Json::Text(text) => match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(time) => i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok(),
            Err(_) if convert => number_to_ms(&text.trim().parse().ok()?, unit),
            Err(_) => None,
        },
        _ => None,
    }
}

fn number_to_ms(number: &Number, unit: Unit) -> Option<i64> {
    match (number.as_i64(), unit) {
        (Some(ms), Unit::Ms) => Some(ms),
        (Some(seconds), Unit::S) => seconds.checked_mul(1_000),
        (None, Unit::Ms) => whole(number.as_f64()?),
        (None, Unit::S) => whole(number.as_f64()? * 1_000.0),
    }
}

/// Fractions of a millisecond are cut off. Beyond 2^53 a float no longer names one millisecond.
fn whole(ms: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (ms.abs() <= EXACT).then(|| ms.floor() as i64)
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
            (json!(1.5), Unit::S, false, Some(1_500)),
            (json!(1500.9), Unit::Ms, false, Some(1_500)),
            (
                json!("1995-01-09T11:46:49Z"),
                Unit::Ms,
                false,
                Some(789_652_009_000),
            ),
            (
                json!("1995-01-09T12:46:49.250+01:00"),
                Unit::S,
                false,
                Some(789_652_009_250),
            ),
            (json!("1969-12-31T23:59:59Z"), Unit::Ms, false, Some(-1_000)),
            (json!(" 1500 "), Unit::Ms, true, Some(1_500)),
            (json!("1500"), Unit::Ms, false, None),
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
