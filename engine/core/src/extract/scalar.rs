//! A value as it stands in an event.

use std::borrow::Cow;

/// A single value found in an event. It borrows from the event, so that looking costs no copy.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'e> {
    /// Text, from JSON, a header or a subject.
    Text(Cow<'e, str>),
    /// A JSON number, as it is written. No digit is lost, so two numbers are the same identity if their text
    /// is the same: `1`, `1.0` and `1e0` are three.
    Number(&'e str),
    /// A JSON truth value.
    Bool(bool),
    /// An object or an array: something is there, but no single value.
    Nested,
}

impl Scalar<'_> {
    /// As a key: text as it is, numbers as the event writes them; none for an object or an array.
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.into_owned()),
            Self::Number(number) => Some(number.to_owned()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Nested => None,
        }
    }

    /// As a number, where it is one or its text reads as one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => number.parse().ok(),
            Self::Bool(_) | Self::Nested => None,
        }
    }
}
