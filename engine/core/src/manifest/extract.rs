//! A place in an event where a value is found.

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
    /// The whole subject.
    #[default]
    Subject,
}
