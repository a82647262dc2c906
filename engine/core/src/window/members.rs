//! The members of a result, as they are written.

use std::fmt::Write as _;

use crate::extract::Scalar;

/// A JSON object in the making.
#[derive(Debug)]
pub struct Members(String);

impl Default for Members {
    fn default() -> Self {
        Self("{".to_owned())
    }
}

impl Members {
    /// A member whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "{}:{json}", quoted(name));
    }

    /// A member that is text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    /// The object.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A single value as JSON, with its digits as they are; none for an object or an array.
pub(super) fn json(value: &Scalar<'_>) -> Option<String> {
    Some(match value {
        Scalar::Text(text) => quoted(text),
        Scalar::Number(number) => (*number).to_owned(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Nested => return None,
    })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "null".to_owned())
}
