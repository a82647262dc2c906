//! How often an event has been through a pipeline on its way: a count in header `Tr-Hops` of every message
//! that a pipeline publishes, one more than the event's that caused it. Pipelines of one tenant that would
//! feed themselves are refused when they are applied (`tailrace_control::query::graph::cycle`); the count stops the circles
//! that nobody sees: through two tenants, a stream that copies another, a program that publishes again.
//!
//! No plugin can set or remove it, for the headers `Tr-…` are the engine's. A publisher can. It is believed
//! nevertheless: who writes a large number makes dead letters of its own events and of nobody else's, and
//! who writes a small one could as well have left the header away. What is no number counts as none.
//!
//! Why: docs/decisions/0024-hops-are-believed.md

use tailrace_core::{codes::LetterCode, event::Header};

/// Most pipelines that an event may go through, one after the other.
pub const MAX_HOPS: u32 = 16;

const HEADER: &str = "Tr-Hops";

fn is_ours(header: &Header) -> bool {
    header.name.eq_ignore_ascii_case(HEADER)
}

/// How many pipelines an event has come through.
pub fn of(headers: &[Header]) -> u32 {
    let counts = headers.iter().filter(|header| is_ours(header));
    // The largest, should there be several.
    let counts = counts.filter_map(|header| header.value.parse().ok());
    counts.max().unwrap_or(0)
}

/// Why an event goes no further, if it has come through too many.
pub fn refuse(headers: &[Header]) -> Option<(LetterCode, String)> {
    let hops = of(headers);
    (hops >= MAX_HOPS).then(|| {
        let reason = format!(
            "the event has come through {hops} pipelines, and at most {MAX_HOPS} are let through: do they feed themselves?"
        );
        (LetterCode::TooManyHops, reason)
    })
}

/// Gives a message that an event causes its count.
pub fn hand_on(event: &[Header], message: &mut Vec<Header>) {
    message.retain(|header| !is_ours(header));
    message.push(Header {
        name: HEADER.to_owned(),
        value: of(event).saturating_add(1).to_string(),
    });
}

/// An event that is sent again begins anew: whoever sends it has looked at it.
pub fn forget(headers: &mut Vec<Header>) {
    headers.retain(|header| !is_ours(header));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[(&str, &str)]) -> Vec<Header> {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        values.iter().map(header).collect()
    }

    #[test]
    fn each_pipeline_counts_one_and_the_last_lets_nothing_through() {
        let mut event = Vec::new();
        for hops in 0..MAX_HOPS {
            assert_eq!((of(&event), refuse(&event)), (hops, None));
            let mut message = headers(&[("other", "1")]);
            hand_on(&event, &mut message);
            event = message;
        }
        assert_eq!(
            refuse(&event).map(|(code, _)| code),
            Some(LetterCode::TooManyHops)
        );
        assert_eq!(event.len(), 2, "one count, whatever came: {event:?}");
        forget(&mut event);
        assert_eq!((of(&event), event.len()), (0, 1));
    }

    #[test]
    fn a_count_that_is_none_counts_as_none_and_of_several_the_largest() {
        for value in ["", "x", "-1", "1.5", "99999999999999999999", " 3"] {
            assert_eq!(of(&headers(&[("Tr-Hops", value)])), 0, "{value:?}");
        }
        assert_eq!(of(&headers(&[("tr-hops", "2"), ("TR-HOPS", "15")])), 15);
        let most = u32::MAX.to_string();
        let mut message = Vec::new();
        hand_on(&headers(&[("Tr-Hops", &most)]), &mut message);
        assert_eq!(of(&message), u32::MAX);
    }
}
