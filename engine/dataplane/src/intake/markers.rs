//! Messages of a stream that are no events: the broker, or a publisher for the broker, has put them there.
//!
//! - A *delete marker* (`Nats-Marker-Reason`, ADR-43 of NATS) stands for the last message of a subject that has
//!   ended by its time to live, or was purged.
//! - A *schedule* (`Nats-Schedule`, ADR-51) tells the broker what to publish and when. What the broker then
//!   publishes bears `Nats-Scheduler` instead, and is an event like any other.
//!
//! The headers of the broker never reach a plugin. So a marker that is passed on bears a header of ours. A message
//! that bears it already comes from a pipeline that passed it on, and is believed like `Tr-Hops`.

use tailrace_core::{event::Header, text::plain};

/// Says of an event what it is, if it is passed on though it is none.
const HEADER: &str = "Tr-Marker";
const DELETE_MARKER: &str = "Nats-Marker-Reason";
const SCHEDULE: &str = "Nats-Schedule";
/// What a schedule is.
pub const A_SCHEDULE: &str = "schedule";
/// Longest reason that is handed on; the broker's have 7 characters at most.
const MAX_REASON_CHARS: usize = 32;

/// What a message is, if it is no event: the value of our header.
pub fn of(headers: &[Header]) -> Option<String> {
    let value = |name: &str| {
        let mut headers = headers.iter();
        let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(&header.value)
    };
    if let Some(reason) = value(DELETE_MARKER) {
        return Some(kebab(&plain(reason, MAX_REASON_CHARS)));
    }
    value(SCHEDULE).map(|_| A_SCHEDULE.to_owned())
}

/// Marks a message that is passed on.
pub fn mark(headers: &mut Vec<Header>, value: String) {
    headers.retain(|header| !header.name.eq_ignore_ascii_case(HEADER));
    headers.push(Header {
        name: HEADER.to_owned(),
        value,
    });
}

/// `MaxAge` as `max-age`.
fn kebab(reason: &str) -> String {
    let mut text = String::new();
    for letter in reason.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&str, &str)]) -> Vec<Header> {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        all.iter().map(header).collect()
    }

    #[test]
    fn markers_and_schedules_are_told_from_events() {
        for (given, expected) in [
            (&[("Nats-Marker-Reason", "MaxAge")][..], Some("max-age")),
            (
                &[("nats-marker-reason", "Purge"), ("Nats-TTL", "1h")],
                Some("purge"),
            ),
            (&[("Nats-Marker-Reason", "Remove")], Some("remove")),
            (
                &[
                    ("Nats-Schedule", "@at 2026-12-01T00:00:00Z"),
                    ("Nats-Schedule-Target", "a.b"),
                ],
                Some("schedule"),
            ),
            // What a schedule has caused, and what only looks like a marker.
            (
                &[("Nats-Scheduler", "a.s"), ("Nats-Schedule-Next", "purge")],
                None,
            ),
            (&[("Nats-TTL", "1h")], None),
            (&[("Nats-Rollup", "sub")], None),
            (&[("KV-Operation", "DEL")], None),
            (&[("Tr-Marker", "max-age")], None),
            (&[], None),
        ] {
            assert_eq!(of(&headers(given)).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_marker_bears_one_mark() {
        let mut all = headers(&[("X", "1"), ("tr-marker", "forged")]);
        mark(&mut all, "purge".into());
        assert_eq!(all, headers(&[("X", "1"), ("Tr-Marker", "purge")]));
    }
}
