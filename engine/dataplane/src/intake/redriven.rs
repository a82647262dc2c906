//! What the redrive subject brings of an earlier pipeline of the same name. It was on its way when that one was deleted,
//! and nothing at the broker held it back.
//!
//! Why: docs/decisions/0066-every-creation-is-a-life.md

use tailrace_core::{life::Life, ports::broker::Incoming, subject};

/// Whether a letter that is sent again is of this life: the sequences of its stream begin where the life says, and the
/// letter lay before the message that sends it again.
pub(crate) fn is_of_life(life: Life, message: &Incoming) -> bool {
    let letter = subject::redriven_letter(&message.subject);
    letter.is_none_or(|letter| (life.first_sequence()..message.sequence).contains(&letter))
}

/// Tells of a message that came late.
pub(super) fn pass_over(message: &Incoming) {
    let Incoming {
        subject, sequence, ..
    } = message;
    tracing::warn!(
        subject,
        sequence,
        "a message to an earlier pipeline of this name is passed over"
    );
}

#[cfg(test)]
mod tests {
    use tailrace_core::ports::clock::Random;

    use super::*;

    struct Constant(u64);

    impl Random for Constant {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_letter_of_an_earlier_life_is_none_of_this_one() {
        let (low, high) = (Life::new(&Constant(1 << 40)), Life::new(&Constant(1 << 50)));
        let first = |life: Life| life.first_sequence();
        assert!(first(low) < first(high));
        let at = |letter: String, sequence: u64| Incoming {
            subject: format!("tr.shop.p.redrive{letter}"),
            sequence,
            received_ms: 0,
            headers: Vec::new(),
            payload: bytes::Bytes::new(),
            unreadable: None,
        };
        for (life, letter, is_own) in [
            (low, format!(".{}", first(low) + 3), true),
            (low, format!(".{}", first(high) + 3), false),
            (high, format!(".{}", first(low) + 3), false),
            (high, format!(".{}", first(high) + 9), false),
            (Life::UNNAMED, ".5".to_owned(), true),
            (high, String::new(), true),
        ] {
            let message = at(letter, first(life) + 9);
            assert_eq!(is_of_life(life, &message), is_own, "{life} {}", message.subject);
        }
    }
}
