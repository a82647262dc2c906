//! A place in an event where a value is found.

use std::slice;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extract {
    /// A JSON pointer (RFC 6901) into the payload, such as `/user` or `/order/items/0`. It has at most 256
    /// bytes.
    Json(String),
    /// A token of the subject, counted from 1.
    SubjectToken(u32),
    /// The value of a header. Names that begin with `Nats-` belong to the broker.
    Header(String),
    /// The value of an attribute of a CloudEvent, such as `subject` or `source`. It needs `input.cloudevents`.
    Cloudevent(String),
    /// The first of these places that has a value. There are 2 to 4 of them.
    #[schemars(with = "Vec<OnePlace>")]
    FirstOf(Vec<Self>),
    /// The whole subject.
    #[default]
    Subject,
}

/// One place in an event.
// The description of what `first-of` takes: a type that holds itself is too much for some that make clients of it.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "it is a description")]
enum OnePlace {
    /// A JSON pointer into the payload.
    Json(String),
    /// A token of the subject, counted from 1.
    SubjectToken(u32),
    /// The value of a header.
    Header(String),
    /// The value of an attribute of a CloudEvent.
    Cloudevent(String),
    /// The whole subject.
    Subject,
}

/// Whether a text is a JSON pointer (RFC 6901) to something inside: a tilde has a 0 or a 1 behind it.
pub fn is_pointer(text: &str) -> bool {
    let is_escape = |(at, _): (usize, &str)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1'));
    text.starts_with('/') && text.match_indices('~').all(is_escape)
}

impl Extract {
    /// The places that it stands for, in the order in which they hold.
    pub fn places(&self) -> &[Self] {
        match self {
            Self::FirstOf(places) => places,
            place => slice::from_ref(place),
        }
    }

    /// The same, taken apart.
    pub fn into_places(self) -> Vec<Self> {
        match self {
            Self::FirstOf(places) => places,
            place => vec![place],
        }
    }

    /// Whether it looks into the payload.
    pub fn looks_inside(&self) -> bool {
        self.places().iter().any(|place| matches!(place, Self::Json(_)))
    }

    /// Whether it looks for an attribute of a CloudEvent.
    pub fn needs_attributes(&self) -> bool {
        self.places()
            .iter()
            .any(|place| matches!(place, Self::Cloudevent(_)))
    }
}
