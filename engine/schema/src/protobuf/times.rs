//! Timestamps and durations between their numbers and their text in JSON. Both keep every nanosecond.

/// The first and the last second that a timestamp may have: the years 1 to 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;
/// Ten thousand years, in seconds.
const LONGEST: i64 = 315_576_000_000;

pub(super) fn timestamp_text(seconds: i64, nanos: i32) -> Option<String> {
    if !(FIRST..=LAST).contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}Z",
        fraction(nanos)
    ))
}

pub(super) fn timestamp(text: &str) -> Option<(i64, i32)> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 {
        return None;
    }
    let is_laid_out = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
        .iter()
        .all(|(at, byte)| bytes[*at] == *byte);
    let number = |from: usize, to: usize| digits(&text[from..to]);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !is_laid_out || hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) {
        return None;
    }
    let days = days(year, month, day);
    if date(days) != (year, month, day) {
        return None;
    }
    let (nanos, rest) = nanos(&text[19..])?;
    let offset = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(&rest[1..3])?, digits(&rest[4..6])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    (FIRST..=LAST).contains(&seconds).then_some((seconds, nanos))
}

pub(super) fn duration_text(seconds: i64, nanos: i32) -> Option<String> {
    let is_one_sign = seconds == 0 || nanos == 0 || (seconds > 0) == (nanos > 0);
    if seconds.abs() > LONGEST || nanos.abs() > 999_999_999 || !is_one_sign {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Some(format!("{sign}{}{}s", seconds.abs(), fraction(nanos.abs())))
}

pub(super) fn duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let whole = text.split('.').next()?;
    let seconds = digits(whole).filter(|seconds| *seconds <= LONGEST)?;
    let (nanos, rest) = nanos(&text[whole.len()..])?;
    rest.is_empty().then_some((sign * seconds, sign as i32 * nanos))
}

/// No digits, or three, six or nine.
fn fraction(nanos: i32) -> String {
    match nanos {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        nanos => format!(".{nanos:09}"),
    }
}

/// The nanoseconds that a fraction says, and what follows it.
fn nanos(text: &str) -> Option<(i32, &str)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = text.split_at(count);
    if !(1..=9).contains(&count) {
        return None;
    }
    let nanos: i32 = fraction.parse().ok()?;
    Some((nanos * 10_i32.pow(9 - count as u32), rest))
}

fn digits(text: &str) -> Option<i64> {
    let are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| text.parse().ok()).flatten()
}

/// Days since 1970 of a date, and the date of days: the year begins in March, so the leap day is its last. After
/// Howard Hinnant, chrono-Compatible Low-Level Date Algorithms (2014).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (FIRST, 0, "0001-01-01T00:00:00Z"),
            (LAST, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
            (951_782_400, 1_000, "2000-02-29T00:00:00.000001Z"),
            (-1, 500_000_000, "1969-12-31T23:59:59.500Z"),
        ] {
            assert_eq!(timestamp_text(seconds, nanos).as_deref(), Some(text));
            assert_eq!(timestamp(text), Some((seconds, nanos)));
        }
        assert_eq!(timestamp("1970-01-01T01:00:00.1+01:00"), Some((0, 100_000_000)));
        for wrong in [
            "1970-02-29T00:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T24:00:00Z",
            "1970-01-01t00:00:00Z",
        ] {
            assert_eq!(timestamp(wrong), None, "{wrong}");
        }
        for (seconds, nanos, text) in [
            (1, 0, "1s"),
            (0, -500_000_000, "-0.500s"),
            (-3, -1, "-3.000000001s"),
        ] {
            assert_eq!(duration_text(seconds, nanos).as_deref(), Some(text));
            assert_eq!(duration(text), Some((seconds, nanos)));
        }
        assert_eq!(duration_text(1, -1), None);
        assert_eq!(duration("315576000001s"), None);
    }
}
