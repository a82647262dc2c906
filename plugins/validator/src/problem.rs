//! What is wrong with an event, and where. The path is put together on the way out, so that an event
//! with nothing wrong never pays for one.

use std::fmt::Write as _;

use tailrace_sdk::Failure;

/// Longest piece of an event that a reason repeats, in characters: it is for a person to read.
const MAX_SHOWN: usize = 40;

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Problem {
    code: &'static str,
    reason: String,
    /// Innermost first.
    path: Vec<Place>,
}

#[derive(Debug)]
enum Place {
    Field(String),
    Entry(usize),
}

impl Problem {
    pub(crate) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            path: Vec::new(),
        }
    }

    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.path.push(Place::Field(shown(name)));
        self
    }

    pub(crate) fn in_entry(mut self, index: usize) -> Self {
        self.path.push(Place::Entry(index));
        self
    }

    /// Where and what, for a config that breaks its own rules.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// `actor.tags[3]`.
    fn path(&self) -> String {
        let mut path = String::new();
        for place in self.path.iter().rev() {
            match place {
                Place::Field(name) if path.is_empty() => path.push_str(name),
                // Writing to a string cannot fail.
                Place::Field(name) => _ = write!(path, ".{name}"),
                Place::Entry(index) => _ = write!(path, "[{index}]"),
            }
        }
        path
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::invalid(
            problem.code,
            format!("field {:?} {}", problem.path(), problem.reason),
        )
    }
}

/// A piece of an event, cut to what a person reads.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
