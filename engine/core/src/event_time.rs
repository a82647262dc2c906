//! The time of an event, from what stands at its place.
//!
//! What is there and does not read as a time is never taken for nothing: it is [`EventTime::Unreadable`], and
//! somebody hears of it. A time that reads may still be absurd, mostly for a wrong unit: epoch seconds that are
//! taken for milliseconds lie in January 1970.

use std::time::{Duration, UNIX_EPOCH};

use tailrace_time::{Unit, text_ms};

use crate::{
    extract::Scalar,
    manifest::{TimeManifest, TimeUnit},
    text::plain,
};

/// Before 2000, in milliseconds: JetStream is younger, and so is nearly all that is sent through it.
const YEAR_2000_MS: u64 = 946_684_800_000;
/// Further ahead of the broker's receive time than this no event is meant to lie.
const A_YEAR_MS: u64 = 366 * 24 * 3_600_000;
/// Characters of a time that are shown.
const SHOWN_CHARS: usize = 64;

/// Where the year 10000 begins, in milliseconds: beyond it RFC 3339 has no text.
pub const CALENDAR_ENDS_MS: u64 = 253_402_300_800_000;

/// A time as RFC 3339 text; none beyond its calendar.
pub fn rfc3339(time_ms: u64) -> Option<impl std::fmt::Display> {
    let time = || humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(time_ms));
    (time_ms < CALENDAR_ENDS_MS).then(time)
}

/// The time of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EventTime {
    /// The event says none, or is not asked.
    #[default]
    Missing,
    /// Milliseconds since 1970.
    At(u64),
    /// The same, before 2000 or more than a year after the broker received the event.
    Absurd {
        /// Milliseconds since 1970.
        ms: u64,
        /// As the event writes it.
        text: String,
        /// The unit in which it would lie between.
        likely: Option<TimeUnit>,
    },
    /// It is no time.
    Unreadable {
        /// As the event writes it.
        text: String,
        /// Why it is none.
        why: String,
    },
}

impl EventTime {
    /// Milliseconds since 1970, where the event has a time that reads.
    pub fn ms(&self) -> Option<u64> {
        match self {
            Self::At(ms) | Self::Absurd { ms, .. } => Some(*ms),
            Self::Missing | Self::Unreadable { .. } => None,
        }
    }

    /// Reads what stands at the place of the time in an event that the broker received at `received_ms`.
    pub fn read(manifest: &TimeManifest, value: Option<&Scalar<'_>>, received_ms: u64) -> Self {
        let unit = manifest.unit.parsed_as();
        let (text, read) = match value {
            None => return Self::Missing,
            Some(Scalar::Number(text)) => (*text, number(text, unit)),
            Some(Scalar::Text(text)) => (&**text, text_ms(text, unit).map_err(|why| why.to_string())),
            Some(Scalar::Bool(truth)) => {
                let text = if *truth { "true" } else { "false" };
                (text, Err("is no time, but a truth value".to_owned()))
            }
            Some(Scalar::Nested) => ("{…}", Err("is no time, but an object or an array".to_owned())),
        };
        let before_1970 = || "lies before 1970, where the engine has no time".to_owned();
        let read = read.and_then(|ms| u64::try_from(ms).map_err(|_| before_1970()));
        match read {
            Ok(ms) if is_sane(ms, received_ms) => Self::At(ms),
            Ok(ms) => Self::Absurd {
                ms,
                text: plain(text, SHOWN_CHARS),
                likely: likely(text, received_ms),
            },
            Err(why) => Self::Unreadable {
                text: plain(text, SHOWN_CHARS),
                why,
            },
        }
    }
}

fn number(text: &str, unit: Unit) -> Result<i64, String> {
    let far = || format!("is no time in {}", unit.as_str());
    unit.to_ms(text).ok_or_else(far)
}

/// A receive time that is absurd itself, as that of a rehearsal, says nothing of what lies ahead.
fn is_sane(ms: u64, received_ms: u64) -> bool {
    let is_known = received_ms >= YEAR_2000_MS;
    let latest = if is_known {
        received_ms.saturating_add(A_YEAR_MS)
    } else {
        u64::MAX
    };
    (YEAR_2000_MS..=latest).contains(&ms)
}

/// The unit in which a number would be sane.
fn likely(text: &str, received_ms: u64) -> Option<TimeUnit> {
    let units = [TimeUnit::S, TimeUnit::Ms, TimeUnit::Us, TimeUnit::Ns];
    let mut sane = units.into_iter().filter(|unit| {
        let ms = unit.parsed_as().to_ms(text);
        ms.and_then(|ms| u64::try_from(ms).ok())
            .is_some_and(|ms| is_sane(ms, received_ms))
    });
    sane.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Extract;

    const NOW_MS: u64 = 1_795_825_800_000;

    fn read(unit: TimeUnit, value: &Scalar<'_>) -> EventTime {
        let manifest = TimeManifest {
            unit,
            ..Extract::Json("/ts".into()).into()
        };
        EventTime::read(&manifest, Some(value), NOW_MS)
    }

    #[test]
    fn times_are_numbers_in_their_unit_or_rfc_3339() {
        let at = EventTime::At(1_442_018_818_771);
        for (unit, number) in [
            (TimeUnit::S, "1442018818.771"),
            (TimeUnit::Ms, "1442018818771"),
            (TimeUnit::Us, "1442018818771000"),
            (TimeUnit::Ns, "1442018818771000000"),
        ] {
            assert_eq!(read(unit, &Scalar::Number(number)), at);
            // A header and a token of the subject are text.
            assert_eq!(read(unit, &Scalar::Text(number.into())), at);
            let text = Scalar::Text("2015-09-12t02:46:58.771+02:00".into());
            assert_eq!(read(unit, &text), at);
        }
        let manifest = TimeManifest::from(Extract::Subject);
        assert_eq!(EventTime::read(&manifest, None, 0), EventTime::Missing);
    }

    #[test]
    fn what_is_there_and_is_no_time_is_said() {
        for (value, word) in [
            (Scalar::Text("yesterday".into()), "RFC 3339"),
            (Scalar::Text("".into()), "RFC 3339"),
            (Scalar::Text("2026-11-28T00:30:00".into()), "time zone"),
            (Scalar::Text("2026-13-28T00:30:00Z".into()), "does not exist"),
            (Scalar::Text("1969-12-31T23:59:59Z".into()), "before 1970"),
            (Scalar::Number("-1"), "before 1970"),
            (Scalar::Number("1e400"), "no time in ms"),
            (Scalar::Bool(true), "a truth value"),
            (Scalar::Nested, "an object"),
        ] {
            let EventTime::Unreadable { why, .. } = read(TimeUnit::Ms, &value) else {
                panic!("{value:?}");
            };
            assert!(why.contains(word), "{value:?}: {why}");
        }
    }

    #[test]
    fn an_absurd_time_names_the_unit_that_is_likely_meant() {
        use TimeUnit::{Ms, Ns, S, Us};
        for (unit, number, meant) in [
            (Ms, "1795825800", Some(S)),
            (S, "1795825800000", Some(Ms)),
            (Ms, "1795825800000000", Some(Us)),
            (Ms, "1795825800000000000", Some(Ns)),
            (Ns, "1795825800000", Some(Ms)),
            (Ms, "0", None),
            (Ms, "12", None),
        ] {
            let EventTime::Absurd { likely, text, .. } = read(unit, &Scalar::Number(number)) else {
                panic!("{number}");
            };
            assert_eq!((likely, text.as_str()), (meant, number));
        }
        let ahead = Scalar::Text("2028-11-28T00:00:00Z".into());
        assert!(matches!(read(Ms, &ahead), EventTime::Absurd { likely: None, .. }));
        let manifest = TimeManifest::from(Extract::Subject);
        let rehearsed = |number| EventTime::read(&manifest, Some(&Scalar::Number(number)), 1_000);
        assert_eq!(rehearsed("1795825800000"), EventTime::At(NOW_MS));
        assert!(matches!(
            rehearsed("1795825800"),
            EventTime::Absurd { likely: Some(S), .. }
        ));
        let tomorrow = Scalar::Text("2026-11-29T00:00:00Z".into());
        assert!(matches!(read(Ms, &tomorrow), EventTime::At(_)));
    }
}
