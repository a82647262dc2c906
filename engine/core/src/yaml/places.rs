//! Where the nodes of a text are: a tree beside the tree, by which a path in a manifest leads back to its line.
//!
//! An alias has the place where it is written, and what is in it has no place of its own.

/// A line and a column of a text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// Where a node is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of the value; of a list or a mapping, that of its name.
    pub position: Position,
    /// What is in it.
    pub within: Within,
}

/// What is in a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// Nothing that has a place.
    Nothing,
    /// Entries, in their order.
    List(Vec<Place>),
    /// Fields: their names, where those are, and what they hold.
    Map(Vec<(String, Position, Place)>),
}

impl Place {
    /// A node with nothing in it.
    pub(super) fn alone(position: Position) -> Self {
        let within = Within::Nothing;
        Self { position, within }
    }

    /// Where a path such as `steps[0].on-error.retries` leads; the nearest thing around it, where it is not there.
    pub fn of_path(&self, path: &str) -> Position {
        let mut rest = path;
        let mut place = self;
        let mut position = self.position;
        loop {
            match &place.within {
                Within::Nothing => return position,
                Within::List(entries) => {
                    let Some((index, behind)) = first_index(rest) else {
                        return position;
                    };
                    let Some(entry) = entries.get(index) else {
                        return position;
                    };
                    (place, rest) = (entry, behind);
                    position = entry.position;
                }
                Within::Map(fields) => {
                    let rest_of = rest.strip_prefix('.').unwrap_or(rest);
                    // Names may hold dots themselves, so the longest that fits is meant.
                    let fits = |name: &str| {
                        rest_of
                            .strip_prefix(name)
                            .filter(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
                    };
                    let found = fields.iter().filter(|(name, ..)| fits(name).is_some());
                    let Some((name, key, value)) = found.max_by_key(|(name, ..)| name.len()) else {
                        return position;
                    };
                    (place, rest) = (value, fits(name).unwrap_or_default());
                    position = match value.within {
                        Within::Nothing if value.position.line == key.line => value.position,
                        _ => *key,
                    };
                }
            }
            if rest.is_empty() {
                return position;
            }
        }
    }
}

/// `[0].rest`.
fn first_index(path: &str) -> Option<(usize, &str)> {
    let (index, behind) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, behind))
}
