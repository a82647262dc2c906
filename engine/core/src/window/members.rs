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

/// Longest value that a window keeps, in bytes of JSON: state and results hold as many as there are groups.
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// A single value as JSON, with its digits as they are; none for an object or an array, and for one that is too long.
pub(super) fn json(value: &Scalar<'_>) -> Option<String> {
    let json = match value {
        Scalar::Text(text) => quoted(text),
        Scalar::Number(number) => (*number).to_owned(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Nested => return None,
    };
    (json.len() <= MAX_VALUE_BYTES).then_some(json)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "null".to_owned())
}
