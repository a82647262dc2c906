//! Dates, times and durations: RFC 3339, with the leap second where one may be.

pub(crate) fn is_date_time(text: &str) -> bool {
    text.is_ascii()
        && text.len() > 11
        && is_date(&text[..10])
        && matches!(text.as_bytes()[10], b'T' | b't')
        && is_time(&text[11..])
}

pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) =
        (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

pub(crate) fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' {
        return false;
    }
    let (Some(hour), Some(minute), Some(second)) =
        (number(&bytes[..2]), number(&bytes[3..5]), number(&bytes[6..8]))
    else {
        return false;
    };
    let mut rest = &bytes[8..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    let Some(offset) = offset(rest) else { return false };
    let of_day = (i64::from(hour) * 60 + i64::from(minute) - offset).rem_euclid(24 * 60);
    let is_leap_second = second == 60 && of_day == 23 * 60 + 59;
    hour < 24 && minute < 60 && (second < 60 || is_leap_second)
}

/// Minutes before UTC.
fn offset(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', ten, one] if hours.len() == 2 => {
            let (hours, minutes) = (number(hours)?, number(&[*ten, *one])?);
            let offset = i64::from(hours * 60 + minutes);
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

/// RFC 3339, appendix A: units in order, without a gap between the largest and the smallest of the date or the time.
pub(crate) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|byte| byte.is_ascii_digit());
    }
    let (date, time) = rest
        .split_once('T')
        .map_or((rest, None), |(date, time)| (date, Some(time)));
    let has_some = !date.is_empty() || time.is_some();
    has_some
        && (date.is_empty() || are_units(date, "YMD"))
        && time.is_none_or(|time| !time.is_empty() && are_units(time, "HMS"))
}

fn are_units(text: &str, units: &str) -> bool {
    let mut next = None;
    let mut digits = 0;
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits += 1;
            continue;
        }
        let Some(index) = units.find(character) else {
            return false;
        };
        if digits == 0 || next.is_some_and(|next| next != index) {
            return false;
        }
        (next, digits) = (Some(index + 1), 0);
    }
    digits == 0
}
