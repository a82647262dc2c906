//! Whether a new version may follow those that are there: by the mode that the owner of the schema has chosen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::difference::Difference;
use crate::schema::Schema;

/// Who must be able to read what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compatibility {
    /// Everything is allowed.
    None,
    /// The new version reads what the last one has written. What Confluent's registry takes if nothing is said.
    #[default]
    Backward,
    /// The new version reads what every version has written.
    BackwardTransitive,
    /// The last version reads what the new one writes.
    Forward,
    /// Every version reads what the new one writes.
    ForwardTransitive,
    /// Both ways, with the last version.
    Full,
    /// Both ways, with every version.
    FullTransitive,
}

/// Which of two versions reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The new one reads what the older one has written.
    Backward,
    /// The older one reads what the new one writes.
    Forward,
}

/// An older version that the new one may not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its place in the list that was given.
    pub with: usize,
    /// Which of the two cannot read.
    pub direction: Direction,
    /// Why.
    pub differences: Vec<Difference>,
}

impl Compatibility {
    /// All modes.
    pub const ALL: [Compatibility; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Its name in requests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Backward => "backward",
            Self::BackwardTransitive => "backward-transitive",
            Self::Forward => "forward",
            Self::ForwardTransitive => "forward-transitive",
            Self::Full => "full",
            Self::FullTransitive => "full-transitive",
        }
    }

    /// Whether every older version counts, and not only the last one.
    pub fn is_transitive(self) -> bool {
        matches!(
            self,
            Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive
        )
    }

    fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    /// The versions, the oldest first, that `new` may not follow under this mode.
    pub fn conflicts(self, new: &Schema, older: &[&Schema]) -> Vec<Conflict> {
        let first = if self.is_transitive() {
            0
        } else {
            older.len().saturating_sub(1)
        };
        let mut conflicts = Vec::new();
        for (with, old) in older.iter().enumerate().skip(first) {
            for direction in self.directions() {
                let differences = match direction {
                    Direction::Backward => new.differences(old),
                    Direction::Forward => old.differences(new),
                };
                if !differences.is_empty() {
                    conflicts.push(Conflict {
                        with,
                        direction: *direction,
                        differences,
                    });
                }
            }
        }
        conflicts
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compatibility {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == name);
        let names = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("{name:?} is no mode of compatibility; take one of {names}"))
    }
}
