//! A fault where it is found, in a few bytes: most payloads have none, so nothing is put into words before the
//! whole pass is over.

use super::fault::{PayloadFault, unexpected, unreadable};

/// What is wrong at a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    at: u32,
    what: What,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Something that cannot stand there, or nothing.
    Unexpected,
    /// A control character in a text.
    Control,
    /// An escape that JSON does not have.
    Escape,
    /// A text that is asked for has half of a surrogate pair.
    HalfPair,
    /// A member's name that its object has already, beginning at this quote.
    Twice,
}

/// That this is wrong at this byte.
#[cold]
pub(super) fn wrong(at: usize, what: What) -> Wrong {
    Wrong { at: at as u32, what }
}

impl Wrong {
    /// In words; `name` is the name that begins there.
    #[cold]
    pub(super) fn in_words(self, payload: &[u8], name: impl FnOnce(usize) -> String) -> PayloadFault {
        let at = self.at as usize;
        match self.what {
            What::Unexpected => unexpected(payload, at),
            What::Control => unreadable(payload, at, "a control character in a text"),
            What::Escape => unreadable(payload, at, "an escape that JSON does not have"),
            What::HalfPair => unreadable(payload, at, "a text with half of a surrogate pair"),
            What::Twice => PayloadFault::Duplicate { name: name(at), at },
        }
    }
}
