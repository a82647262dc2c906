//! What keeps two schemas apart: by the name that Confluent's registry has for the rule, with place and reason.

use crate::bounds::MAX_DIFFERENCES;
use crate::error::Place;

/// One reason why data of one schema cannot be read by the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The rule, as Confluent's registry names it.
    pub rule: &'static str,
    /// Where in the schema that reads.
    pub place: Place,
    /// The reason.
    pub what: String,
}

/// The differences of one comparison, no more than anyone reads.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    found: Vec<Difference>,
}

impl Differences {
    pub(crate) fn push(&mut self, rule: &'static str, path: &[String], what: String) {
        if self.found.len() < MAX_DIFFERENCES {
            self.found.push(Difference {
                rule,
                place: Place::segments(path),
                what,
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Difference> {
        self.found
    }
}
