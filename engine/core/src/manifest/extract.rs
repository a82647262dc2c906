//! A place in an event where a value is found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extract {
    /// A JSON pointer (RFC 6901) into the payload: `/user`, `/order/items/0`.
    Json(String),
    /// A token of the subject, from 1.
    SubjectToken(u32),
    /// The value of a header.
    Header(String),
    /// The whole subject.
    #[default]
    Subject,
}
