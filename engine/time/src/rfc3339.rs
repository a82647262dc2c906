//! Dates and times of RFC 3339 (2002): `2026-11-28T00:30:00.25+02:00`.
//!
//! All of the RFC is read: any offset, a small `t` and `z`, a space for the `T`, fractions of any length, the
//! second 60 where a leap second may be. Nothing else is: a time without an offset names no moment, and a guess
//! would be wrong by hours.

use std::fmt;

const MS_PER_DAY: i64 = 24 * 3_600_000;
/// The last minute of a day, in minutes.
const LAST_MINUTE: i64 = 24 * 60 - 1;

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotATime {
    /// It has not the form of one.
    Form,
    /// It says no offset.
    NoZone,
    /// A part of it does not exist, such as a 13th month.
    Range,
}

impl fmt::Display for NotATime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Form => "is no RFC 3339 time; write 2026-11-01T00:00:00Z",
            Self::NoZone => "has no time zone; write 2026-11-01T00:00:00Z or 2026-11-01T00:00:00+02:00",
            Self::Range => "names a day, hour, minute, second or offset that does not exist",
        })
    }
}

impl std::error::Error for NotATime {}

/// Reads a time as milliseconds since 1970; what is finer is cut off. A leap second is the last millisecond of
/// the second before it, so that it stays before the next.
pub fn rfc3339_ms(text: &str) -> Result<i64, NotATime> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4)?;
    rest.one_of(b"-")?;
    let month = rest.number(2)?;
    rest.one_of(b"-")?;
    let day = rest.number(2)?;
    if rest.0.is_empty() {
        return Err(NotATime::NoZone);
    }
    rest.one_of(b"Tt ")?;
    let hour = rest.number(2)?;
    rest.one_of(b":")?;
    let minute = rest.number(2)?;
    rest.one_of(b":")?;
    let second = rest.number(2)?;
    let millis = rest.fraction()?;
    let offset = rest.offset()?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return Err(NotATime::Range);
    }
    if hour > 23 || minute > 59 || second > 60 {
        return Err(NotATime::Range);
    }
    let minutes = days_from_1970(year, month, day) * 24 * 60 + hour * 60 + minute - offset;
    let (second, millis) = match second {
        60 if !may_have_leap_second(minutes) => return Err(NotATime::Range),
        60 => (59, 999),
        second => (second, millis),
    };
    Ok(minutes * 60_000 + second * 1_000 + millis)
}

/// Whether the text has exactly the form that strict readers take: capital letters, no space, no leap second.
pub fn is_strict(text: &str) -> bool {
    !text.contains(['t', 'z', ' ']) && text.get(17..19) != Some("60")
}

/// What is left of a text.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    fn number(&mut self, digits: usize) -> Result<i64, NotATime> {
        let (number, rest) = self.0.split_at_checked(digits).ok_or(NotATime::Form)?;
        self.0 = rest;
        number.iter().try_fold(0, |value, digit| match digit {
            b'0'..=b'9' => Ok(value * 10 + i64::from(digit - b'0')),
            _ => Err(NotATime::Form),
        })
    }

    fn one_of(&mut self, allowed: &[u8]) -> Result<u8, NotATime> {
        match self.0 {
            [first, rest @ ..] if allowed.contains(first) => {
                self.0 = rest;
                Ok(*first)
            }
            _ => Err(NotATime::Form),
        }
    }

    /// Milliseconds of a fraction, 0 where there is none.
    fn fraction(&mut self) -> Result<i64, NotATime> {
        if self.one_of(b".").is_err() {
            return Ok(0);
        }
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        if digits.is_empty() {
            return Err(NotATime::Form);
        }
        let digit = |place: usize| digits.get(place).map_or(0, |digit| i64::from(digit - b'0'));
        Ok(digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    /// Minutes by which the text is ahead of UTC; nothing may follow.
    fn offset(&mut self) -> Result<i64, NotATime> {
        if self.0.is_empty() {
            return Err(NotATime::NoZone);
        }
        let offset = match self.one_of(b"Zz+-")? {
            b'Z' | b'z' => 0,
            sign => {
                let hours = self.number(2)?;
                self.one_of(b":")?;
                let minutes = self.number(2)?;
                if hours > 23 || minutes > 59 {
                    return Err(NotATime::Range);
                }
                let offset = hours * 60 + minutes;
                if sign == b'-' { -offset } else { offset }
            }
        };
        if self.0.is_empty() {
            Ok(offset)
        } else {
            Err(NotATime::Form)
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil` (2013): the year begins in March, so the leap day is its last.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A leap second is the 61st of the last minute of a month, in UTC.
fn may_have_leap_second(minutes: i64) -> bool {
    let next = (minutes + 1) * 60_000;
    minutes.rem_euclid(24 * 60) == LAST_MINUTE && is_first_of_month(next.div_euclid(MS_PER_DAY))
}

/// The same algorithm the other way, as far as the day.
fn is_first_of_month(days: i64) -> bool {
    let day_of_era = (days + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096).div_euclid(365);
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year == (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_the_rfc_is_read() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520),
            ("1996-12-19T16:39:57-08:00", 851_042_397_000),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
            ("2015-09-12T00:46:58.771Z", 1_442_018_818_771),
            ("2026-11-28T00:30:00+02:00", 1_795_818_600_000),
            ("2026-11-28t00:30:00z", 1_795_825_800_000),
            ("2026-11-28 00:30:00Z", 1_795_825_800_000),
            ("2026-11-28T00:30:00-00:00", 1_795_825_800_000),
            ("2026-11-28T00:30:00+23:59", 1_795_739_460_000),
            ("2026-11-28T00:30:00.1Z", 1_795_825_800_100),
            ("2026-11-28T00:30:00.12345678901234567890Z", 1_795_825_800_123),
            ("2026-11-28T00:30:00.9999999999Z", 1_795_825_800_999),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("1969-12-31T23:59:59Z", -1_000),
            // Leap seconds, the last two written elsewhere.
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("1990-12-31T15:59:60-08:00", 662_687_999_999),
            ("2017-01-01T00:59:60.5+01:00", 1_483_228_799_999),
        ] {
            assert_eq!(rfc3339_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_its_reason() {
        for (text, why) in [
            ("2026-11-01T00:00:00", NotATime::NoZone),
            ("2026-11-01 00:00:00.5", NotATime::NoZone),
            ("2026-11-01", NotATime::NoZone),
            ("", NotATime::Form),
            ("yesterday", NotATime::Form),
            ("1795825800000", NotATime::Form),
            ("26-11-01T00:00:00Z", NotATime::Form),
            ("2026-11-01T00:00Z", NotATime::Form),
            ("2026-11-01T00:00:00.Z", NotATime::Form),
            ("2026-11-01T00:00:00,5Z", NotATime::Form),
            ("2026-11-01T00:00:00+0200", NotATime::Form),
            ("2026-11-01T00:00:00+02", NotATime::Form),
            ("2026-11-01T00:00:00 +02:00", NotATime::Form),
            ("2026-11-01T00:00:00Z ", NotATime::Form),
            (" 2026-11-01T00:00:00Z", NotATime::Form),
            ("2026-11-01T00:00:00ZZ", NotATime::Form),
            ("2026-1-1T00:00:00Z", NotATime::Form),
            ("+2026-11-01T00:00:00Z", NotATime::Form),
            ("2026-11-01T00:00:0\u{663}Z", NotATime::Form),
            ("2026-13-01T00:00:00Z", NotATime::Range),
            ("2026-00-01T00:00:00Z", NotATime::Range),
            ("2026-02-29T00:00:00Z", NotATime::Range),
            ("1900-02-29T00:00:00Z", NotATime::Range),
            ("2026-04-31T00:00:00Z", NotATime::Range),
            ("2026-11-01T24:00:00Z", NotATime::Range),
            ("2026-11-01T00:60:00Z", NotATime::Range),
            ("2026-11-01T00:00:61Z", NotATime::Range),
            ("2026-11-01T00:00:00+24:00", NotATime::Range),
            ("2026-11-01T00:00:00+02:60", NotATime::Range),
            // No leap second can be there.
            ("2026-11-28T00:30:60Z", NotATime::Range),
            ("2026-11-28T23:59:60Z", NotATime::Range),
            ("2016-12-31T23:59:60+01:00", NotATime::Range),
        ] {
            assert_eq!(rfc3339_ms(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn the_days_of_four_centuries_follow_each_other() {
        let mut expected = days_from_1970(1800, 1, 1);
        for year in 1800..2201 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_from_1970(year, month, day), expected);
                    assert_eq!(is_first_of_month(expected), day == 1, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn strict_readers_take_capital_letters_only() {
        assert!(is_strict("2026-11-28T00:30:00.5+02:00"));
        for text in [
            "2026-11-28t00:30:00Z",
            "2026-11-28T00:30:00z",
            "2026-11-28 00:30:00Z",
            "2016-12-31T23:59:60Z",
        ] {
            assert!(!is_strict(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = rfc3339_ms(&text);
        }

        #[test]
        fn an_offset_moves_a_time_by_itself(hours in 0_i64..24, minutes in 0_i64..60) {
            let at = |offset: &str| rfc3339_ms(&format!("2026-11-28T00:30:00{offset}")).unwrap();
            let by = (hours * 60 + minutes) * 60_000;
            prop_assert_eq!(at(&format!("+{hours:02}:{minutes:02}")), at("Z") - by);
            prop_assert_eq!(at(&format!("-{hours:02}:{minutes:02}")), at("Z") + by);
        }
    }
}
