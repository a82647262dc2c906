//! What wakes up by the watermark, in the order in which it is due: (time, key, owner, name). Wake-ups are state of the
//! partition under a step that no pipeline can name. So they are committed, taken back, recovered and copied with
//! everything else.
//!
//! The first of them are known in memory, so most events cost one comparison here.
//!
//! Invariant: `entries` holds every wake-up up to `horizon`, as the uncommitted effects have it. What is written behind
//! the horizon is read when the horizon gets there.

use std::collections::BTreeMap;

/// Most wake-ups known in memory.
const MOST_KNOWN: usize = 4_000;
/// Between the parts of a key. Owners and names hold none, so the parts can be told apart.
const SEPARATOR: char = '\0';

/// When something wakes up, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// In milliseconds of event time.
    pub(crate) at_ms: u64,
    /// The key of events, or the group, that it is of.
    pub(crate) key: String,
    /// The step that has set it, or the window that ends.
    pub(crate) owner: String,
    /// Which one of theirs it is.
    pub(crate) name: String,
}

impl Due {
    pub(super) fn encode(&self) -> String {
        let Self {
            at_ms,
            key,
            owner,
            name,
        } = self;
        format!("{at_ms:016x}{key}{SEPARATOR}{owner}{SEPARATOR}{name}")
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let (time, rest) = text.split_at_checked(16)?;
        let (rest, name) = rest.rsplit_once(SEPARATOR)?;
        let (key, owner) = rest.rsplit_once(SEPARATOR)?;
        Some(Self {
            at_ms: u64::from_str_radix(time, 16).ok()?,
            key: key.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// The wake-ups that are due first.
#[derive(Debug, Default)]
pub(super) struct First {
    pub(super) entries: BTreeMap<String, Vec<u8>>,
    pub(super) horizon: Horizon,
}

/// Up to where all wake-ups are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Horizon {
    /// Nothing has been read.
    #[default]
    Nowhere,
    /// Up to this key.
    At(String),
    /// All are known.
    End,
}

impl First {
    fn knows(&self, key: &str) -> bool {
        match &self.horizon {
            Horizon::Nowhere => false,
            Horizon::At(last) => key <= last.as_str(),
            Horizon::End => true,
        }
    }

    pub(super) fn write(&mut self, key: String, value: Option<Vec<u8>>) {
        if !self.knows(&key) {
            return;
        }
        match value {
            Some(value) => drop(self.entries.insert(key, value)),
            None => drop(self.entries.remove(&key)),
        }
        if self.entries.len() > MOST_KNOWN {
            self.entries.pop_last();
            let last = self.entries.last_key_value();
            self.horizon = last.map_or(Horizon::Nowhere, |(key, _)| Horizon::At(key.clone()));
        }
    }
}
