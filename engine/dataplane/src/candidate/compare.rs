//! In what two sides differ on one event. The first difference in this order is the one that counts:
//! verdict, code of the error, number of messages, their subjects, payloads, headers.

use tailrace_core::{
    observe::{candidate_stats::Shown, event_outcome::EventOutcome, tap::Excerpt},
    ports::broker::Output,
    text::plain,
};

/// Characters of a subject that an example shows.
const SHOWN_CHARS: usize = 512;

/// One side of an event.
pub struct SideOf<'a> {
    /// What it came to.
    pub noted: &'a EventOutcome,
    /// What it would publish; dead letters are on `dead_subject`.
    pub outputs: &'a [Output],
}

/// The kind of the first difference; none where both did the same.
pub fn difference(
    active: &SideOf<'_>,
    candidate: &SideOf<'_>,
    dead_subject: &str,
) -> Option<(&'static str, usize)> {
    if active.noted.verdict() != candidate.noted.verdict() {
        return Some(("verdict", 0));
    }
    if active.noted.code != candidate.noted.code {
        return Some(("error", 0));
    }
    if active.outputs.len() != candidate.outputs.len() {
        return Some(("messages", active.outputs.len().min(candidate.outputs.len())));
    }
    let pairs = || active.outputs.iter().zip(candidate.outputs).enumerate();
    let first = |differ: fn(&Output, &Output) -> bool| {
        pairs()
            .find(|(_, (active, candidate))| differ(active, candidate))
            .map(|(index, _)| index)
    };
    // A dead letter's headers bear its revision, its plugin and its fuel, which always differ.
    let headers = || {
        pairs()
            .find(|(_, (active, candidate))| {
                active.subject != dead_subject && active.headers != candidate.headers
            })
            .map(|(index, _)| index)
    };
    let subject = first(|active, candidate| active.subject != candidate.subject);
    let payload = || first(|active, candidate| active.payload != candidate.payload);
    subject
        .map(|index| ("subject", index))
        .or_else(|| payload().map(|index| ("payload", index)))
        .or_else(|| headers().map(|index| ("headers", index)))
}

/// A side as an example shows it, with its message of this number.
pub fn shown(side: &SideOf<'_>, index: usize) -> Shown {
    let message = side.outputs.get(index);
    Shown {
        verdict: side.noted.verdict(),
        code: side.noted.code.as_deref().map(|code| plain(code, SHOWN_CHARS)),
        messages: side.outputs.len(),
        subject: message.map(|message| plain(&message.subject, SHOWN_CHARS)),
        payload: message.map(|message| Excerpt::of(&message.payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::{event::Header, outcome::Outcome};

    fn output(subject: &str, payload: &str, header: &str) -> Output {
        Output {
            subject: subject.to_owned(),
            headers: vec![Header {
                name: "h".to_owned(),
                value: header.to_owned(),
            }],
            payload: payload.to_owned().into(),
            id: None,
            keep: None,
        }
    }

    fn differ(active: (Outcome, &[Output]), candidate: (Outcome, &[Output])) -> Option<&'static str> {
        let noted = |outcome| EventOutcome {
            outcome,
            ..EventOutcome::default()
        };
        let (one, two) = (noted(active.0), noted(candidate.0));
        let side = |noted, outputs| SideOf { noted, outputs };
        difference(&side(&one, active.1), &side(&two, candidate.1), "dead").map(|(kind, _)| kind)
    }

    #[test]
    fn the_first_difference_in_order_is_the_one_that_counts() {
        let emitted = Outcome::Emitted;
        let one = [output("a", "x", "1")];
        let cases: [(&[Output], Option<&str>); 5] = [
            (&[output("a", "x", "1")], None),
            (&[], Some("messages")),
            (&[output("b", "y", "2")], Some("subject")),
            (&[output("a", "y", "2")], Some("payload")),
            (&[output("a", "x", "2")], Some("headers")),
        ];
        for (other, wanted) in cases {
            assert_eq!(differ((emitted, &one), (emitted, other)), wanted);
        }
        assert_eq!(differ((emitted, &one), (Outcome::Dropped, &[])), Some("verdict"));
    }

    #[test]
    fn dead_letters_of_one_reason_are_the_same_though_their_revisions_differ() {
        let letters = ([output("dead", "x", "1")], [output("dead", "x", "2")]);
        assert_eq!(
            differ((Outcome::Dead, &letters.0), (Outcome::Dead, &letters.1)),
            None
        );
    }
}
