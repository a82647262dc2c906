//! Why a message is no CloudEvent, with the place.

use std::fmt;

use crate::{codes::LetterCode, extract::PayloadFault, text::plain};

/// Characters of what a publisher wrote that a reason repeats.
const SHOWN_CHARS: usize = 64;

/// What is wrong with a message that is to be a CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudEventFault {
    /// Its envelope is no JSON text with one meaning.
    Envelope(PayloadFault),
    /// Something at a place is not as the specification has it.
    At {
        /// A header, or a JSON pointer into the envelope.
        place: String,
        /// What is wrong, and what would be right.
        why: String,
    },
}

impl CloudEventFault {
    /// At a place that holds text of a publisher.
    pub(super) fn at(place: &str, why: impl Into<String>) -> Self {
        Self::At {
            place: plain(place, SHOWN_CHARS),
            why: why.into(),
        }
    }

    /// Nothing says that the message is one.
    pub(super) fn no_sign() -> Self {
        Self::at(
            "its headers",
            "there is neither a header ce-specversion, nor a Content-Type of application/cloudevents+json, nor an envelope in JSON with specversion",
        )
    }

    /// As a dead letter has it.
    pub fn code(&self) -> LetterCode {
        match self {
            Self::Envelope(PayloadFault::Duplicate { .. }) => LetterCode::DuplicateMember,
            Self::Envelope(PayloadFault::Unreadable(_)) | Self::At { .. } => LetterCode::MalformedCloudevent,
        }
    }
}

impl fmt::Display for CloudEventFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(fault) => write!(formatter, "the event has no envelope of a CloudEvent: {fault}"),
            Self::At { place, why } => {
                write!(formatter, "the event is no CloudEvent 1.0: at {place}, {why}")
            }
        }
    }
}

/// Text of a publisher as a reason repeats it.
pub(super) fn shown(text: &str) -> String {
    plain(text, SHOWN_CHARS)
}
