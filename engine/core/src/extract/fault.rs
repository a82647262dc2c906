//! Why a payload is not one JSON text with one meaning.
//!
//! The reason is that of the whole payload: it does not depend on what was found before the fault.

use std::fmt;

use tailrace_payload::form;

use crate::text::plain;

/// Characters of the payload that a reason repeats.
const SHOWN_CHARS: usize = 40;

/// What is wrong with a payload that was read as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadFault {
    /// An object has two members of one name: readers disagree which of them counts.
    Duplicate {
        /// The name.
        name: String,
        /// Byte of the payload at which it stands the second time.
        at: usize,
    },
    /// It is no JSON.
    Unreadable(String),
}

impl fmt::Display for PayloadFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { name, at } => write!(
                formatter,
                "an object of the payload has the member {:?} twice, the second time at byte {at}",
                name.chars().take(SHOWN_CHARS).collect::<String>()
            ),
            Self::Unreadable(reason) => formatter.write_str(reason),
        }
    }
}

/// The payload is no JSON from this byte on.
pub(super) fn unreadable(payload: &[u8], at: usize, what: &str) -> PayloadFault {
    let reason = form(payload).unwrap_or_else(|| format!("the payload is no JSON: {what} at byte {at}"));
    PayloadFault::Unreadable(reason)
}

/// A byte that cannot stand there: named by the word that begins with it, such as `NaN`.
pub(super) fn unexpected(payload: &[u8], at: usize) -> PayloadFault {
    let rest = &payload[at.min(payload.len())..];
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.');
    let length = rest.iter().take_while(|byte| is_of_word(byte)).count().max(1);
    let word = &rest[..length.min(rest.len()).min(SHOWN_CHARS)];
    match word {
        [] => unreadable(payload, at, "it ends too early"),
        word => {
            let word = plain(&String::from_utf8_lossy(word), SHOWN_CHARS);
            unreadable(payload, at, &format!("unexpected `{word}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_cannot_stand_there_is_shown_and_not_more() {
        let shown = |payload: &[u8], at| unexpected(payload, at).to_string();
        assert_eq!(
            shown(b"{\"x\":NaN}", 5),
            "the payload is no JSON: unexpected `NaN` at byte 5"
        );
        assert_eq!(
            shown(b"{\"x\":-Infinity}", 5),
            "the payload is no JSON: unexpected `-Infinity` at byte 5"
        );
        assert_eq!(
            shown(b"{\"x\":", 5),
            "the payload is no JSON: it ends too early at byte 5"
        );
        assert_eq!(
            shown(b"\r\n", 0),
            "the payload is no JSON: unexpected `\\r` at byte 0"
        );
        assert!(shown("x".repeat(10_000).as_bytes(), 0).len() < 120);
    }
}
