//! The time at which a pipeline starts, as the broker takes it.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize as _, Deserializer};
use tailrace_time::{rfc3339::is_strict, rfc3339_ms};

use crate::broker_time::countable_ms;

/// Reads a time for the broker, which takes capital letters only and no leap second, and counts from 1970 to 2262.
/// Text that is no time stays as it is, for the check of the whole to refuse it with its path.
pub(super) fn strict_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let Ok(ms) = rfc3339_ms(&text) else {
        return Ok(text);
    };
    let countable = countable_ms(ms);
    if is_strict(&text) && i64::try_from(countable) == Ok(ms) {
        return Ok(text);
    }
    let time = UNIX_EPOCH + Duration::from_millis(countable);
    Ok(humantime::format_rfc3339_millis(time).to_string())
}

#[cfg(test)]
mod tests {
    use crate::manifest::Start;

    #[test]
    fn a_start_is_written_as_the_broker_takes_it() {
        for (written, kept) in [
            ("2026-11-01T00:00:00+02:00", "2026-11-01T00:00:00+02:00"),
            ("2026-11-01t00:00:00z", "2026-11-01T00:00:00.000Z"),
            ("2026-11-01 00:00:00.5+02:00", "2026-10-31T22:00:00.500Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
            ("2026-11-01T00:00:00", "2026-11-01T00:00:00"),
            ("2262-04-11T23:47:16Z", "2262-04-11T23:47:16Z"),
            ("9000-01-01T00:00:00Z", "2262-04-11T23:47:16.854Z"),
            ("9999-12-31T23:59:59-23:59", "2262-04-11T23:47:16.854Z"),
            ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00.000Z"),
            ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("yesterday at ten z", "yesterday at ten z"),
        ] {
            let start = serde_json::from_value(serde_json::json!({ "time": written })).unwrap();
            assert_eq!(Start::Time(kept.into()), start);
        }
    }
}
