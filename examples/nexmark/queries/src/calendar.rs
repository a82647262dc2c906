//! Days, hours and minutes of event times, in UTC.

use tailrace_sdk::prelude::*;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// A year has four digits. The bound also keeps the search for a year short.
const LAST_YEAR: u64 = 9_999;

/// Hour of the day.
pub fn hour(ms: u64) -> u64 {
    ms % DAY_MS / HOUR_MS
}

/// Time of the day, such as `07:59`. Its order as text is that of time.
pub fn minute(ms: u64) -> String {
    format!("{:02}:{:02}", hour(ms), ms % HOUR_MS / MINUTE_MS)
}

/// Date, such as `2026-11-01`.
pub fn day(ms: u64) -> Result<String, Failure> {
    let (mut year, mut rest) = (1970, ms / DAY_MS);
    while rest >= days_of(year) {
        rest -= days_of(year);
        year += 1;
        if year > LAST_YEAR {
            let reason = format!("a date_time of {ms} is after the year {LAST_YEAR}");
            return Err(Failure::invalid("out-of-range", reason));
        }
    }
    let mut month = 1;
    while rest >= days_of_month(year, month) {
        rest -= days_of_month(year, month);
        month += 1;
    }
    Ok(format!("{year}-{month:02}-{:02}", rest + 1))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
