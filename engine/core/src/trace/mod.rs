//! The context of a trace, as publishers write it into headers (W3C Trace Context, 2021): taken up
//! where it is valid, and handed on to the messages that an event causes, so that a reader of the
//! output finds the publisher's trace. What is not valid is left out, as the recommendation has it.
//! Where the event is traced by us ([`sampling`]), its messages name our span as their parent instead of
//! the publisher's.
//!
//! A plugin sees no context but what stands in its event's headers, and forges none by leaving it
//! alone; one that sets `traceparent` itself means it, and is held to the same form.
//!
//! Why: docs/decisions/0035-spans-are-data-of-core.md

pub mod sampling;

use crate::event::Header;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// Longest `tracestate` that is handed on; the recommendation asks for at least that.
const MAX_STATE_BYTES: usize = 512;
/// Most members of a `tracestate`.
const MAX_STATE_MEMBERS: usize = 32;

/// A valid context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits: the span that published the event.
    pub parent_id: String,
    /// Whether the publisher records this trace.
    pub sampled: bool,
    state: Option<String>,
}

impl TraceContext {
    /// The context in these headers, where there is one and it is valid.
    pub fn of(headers: &[Header]) -> Option<Self> {
        let mut parents = values(headers, PARENT);
        let parent = parents.next()?;
        if parents.next().is_some() {
            return None;
        }
        let context = parse(parent)?;
        Some(Self {
            state: state(headers),
            ..context
        })
    }

    /// Of a span of ours that is recorded.
    pub fn ours(trace_id: u128, span_id: u64, state: Option<String>) -> Self {
        Self {
            trace_id: format!("{trace_id:032x}"),
            parent_id: format!("{span_id:016x}"),
            sampled: true,
            state,
        }
    }

    fn headers(&self) -> impl Iterator<Item = Header> {
        let flags = u8::from(self.sampled);
        let parent = format!("00-{}-{}-{flags:02x}", self.trace_id, self.parent_id);
        let header = |name: &str, value: String| Header {
            name: name.to_owned(),
            value,
        };
        let state = self.state.clone().map(|state| header(STATE, state));
        [Some(header(PARENT, parent)), state].into_iter().flatten()
    }
}

/// Gives a message the context of the event that caused it, unless it has one of its own; `ours` takes
/// the place of the event's where our span of the event is exported. A plugin that forwards the event's
/// headers has not set one of its own.
pub fn hand_on(event: &[Header], ours: Option<TraceContext>, message: &mut Vec<Header>) {
    if values(message, PARENT).next().is_some() {
        match TraceContext::of(message) {
            own @ Some(_) if ours.is_none() || TraceContext::of(event) != own => return,
            _ => message.retain(|header| !is(header, PARENT) && !is(header, STATE)),
        }
        if ours.is_none() {
            return;
        }
    }
    if let Some(context) = ours.or_else(|| TraceContext::of(event)) {
        message.retain(|header| !is(header, STATE));
        message.extend(context.headers());
    }
}

/// Gives an event the context that attributes of it hold, where its headers hold none.
pub fn adopt(parent: &str, state: Option<&str>, headers: &mut Vec<Header>) {
    if TraceContext::of(headers).is_some() || parse(parent).is_none() {
        return;
    }
    headers.retain(|header| !is(header, PARENT) && !is(header, STATE));
    let given = [(PARENT, Some(parent)), (STATE, state)].into_iter();
    headers.extend(given.filter_map(|(name, value)| {
        Some(Header {
            name: name.to_owned(),
            value: value?.to_owned(),
        })
    }));
}

fn is(header: &Header, name: &str) -> bool {
    // Clients write them in different cases.
    header.name.eq_ignore_ascii_case(name)
}

fn values<'a>(headers: &'a [Header], name: &'a str) -> impl Iterator<Item = &'a str> {
    let found = headers.iter().filter(move |header| is(header, name));
    found.map(|header| header.value.as_str())
}

/// Reads `version-trace_id-parent_id-flags`.
fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.trim_matches([' ', '\t']).split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let parent_id = hex(parts.next()?, 16)?;
    let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
    // A later version may have more to say.
    let whole = version != "00" || parts.next().is_none();
    let zero = |id: &str| id.bytes().all(|digit| digit == b'0');
    (whole && version != "ff" && !zero(trace_id) && !zero(parent_id)).then(|| TraceContext {
        trace_id: trace_id.to_owned(),
        parent_id: parent_id.to_owned(),
        sampled: flags & 1 == 1,
        state: None,
    })
}

/// So many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(fits)).then_some(text)
}

/// The vendors' part: several headers are one list.
fn state(headers: &[Header]) -> Option<String> {
    let all: Vec<&str> = values(headers, STATE).collect();
    let joined = all.join(",");
    let plain = joined.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let fits = joined.len() <= MAX_STATE_BYTES && joined.split(',').count() <= MAX_STATE_MEMBERS;
    (!joined.is_empty() && plain && fits).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn header(name: &str, value: &str) -> Header {
        Header {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn only_what_the_recommendation_allows_is_taken_up() {
        for valid in [
            VALID,
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\t",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
        ] {
            let context = TraceContext::of(&[header("Traceparent", valid)]);
            assert!(
                context.is_some_and(|it| it.parent_id == "00f067aa0ba902b7"),
                "{valid}"
            );
        }
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bä-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        ] {
            assert_eq!(TraceContext::of(&[header(PARENT, wrong)]), None, "{wrong:?}");
        }
        let twice = [header(PARENT, VALID), header("TraceParent", VALID)];
        assert_eq!(TraceContext::of(&twice), None);
    }

    #[test]
    fn a_message_gets_the_context_of_its_event_unless_it_has_one_of_its_own() {
        let event = [
            header(PARENT, VALID),
            header(STATE, "a=1"),
            header("Tracestate", "b=2"),
        ];
        let mut message = vec![header("x", "y"), header(STATE, "left=over")];
        hand_on(&event, None, &mut message);
        let expected = [header("x", "y"), header(PARENT, VALID), header(STATE, "a=1,b=2")];
        assert_eq!(message, expected);
        let own = VALID.replace("4bf9", "5bf9");
        let mut message = vec![header(PARENT, &own)];
        hand_on(&event, None, &mut message);
        assert_eq!(message, [header(PARENT, &own)]);
    }

    #[test]
    fn our_span_is_the_parent_unless_the_plugin_says_otherwise() {
        let event = [header(PARENT, VALID), header(STATE, "a=1")];
        let ours = || Some(TraceContext::ours(0x7, 0x9, Some("a=1".to_owned())));
        let expected = [
            header(PARENT, "00-00000000000000000000000000000007-0000000000000009-01"),
            header(STATE, "a=1"),
        ];
        // Forwarded, and emitted without headers.
        for mut message in [event.to_vec(), Vec::new()] {
            hand_on(&event, ours(), &mut message);
            assert_eq!(message, expected);
        }
        let own = [header(PARENT, &VALID.replace("4bf9", "5bf9"))];
        let mut message = own.to_vec();
        hand_on(&event, ours(), &mut message);
        assert_eq!(message, own);
        let mut message = vec![header(PARENT, "nonsense")];
        hand_on(&[], ours(), &mut message);
        assert_eq!(message, expected);
    }

    #[test]
    fn the_context_of_attributes_is_taken_where_there_is_no_other() {
        let other = VALID.replace("4bf9", "5bf9");
        for (before, given, after) in [
            (None, VALID, Some(VALID)),
            (Some("nonsense"), VALID, Some(VALID)),
            (Some(&*other), VALID, Some(&*other)),
            (None, "nonsense", None),
            (Some("nonsense"), "nonsense", Some("nonsense")),
        ] {
            let mut headers: Vec<Header> = before.map(|value| header(PARENT, value)).into_iter().collect();
            adopt(given, Some("a=1"), &mut headers);
            let found = values(&headers, PARENT).next();
            assert_eq!(found, after, "{before:?} {given}");
            let is_taken = before != after;
            assert_eq!(values(&headers, STATE).next(), is_taken.then_some("a=1"));
        }
    }

    #[test]
    fn what_is_not_valid_is_not_handed_on() {
        let mut message = Vec::new();
        hand_on(
            &[header(PARENT, "nonsense"), header(STATE, "a=1")],
            None,
            &mut message,
        );
        assert_eq!(message, []);
        let mut message = vec![header(PARENT, "nonsense"), header(STATE, "a=1"), header("x", "y")];
        hand_on(&[], None, &mut message);
        assert_eq!(message, [header("x", "y")]);
        let long = "a=1,".repeat(200);
        for state in [long.as_str(), "a=\u{1}"] {
            let mut message = Vec::new();
            hand_on(&[header(PARENT, VALID), header(STATE, state)], None, &mut message);
            assert_eq!(message, [header(PARENT, VALID)]);
        }
    }
}
