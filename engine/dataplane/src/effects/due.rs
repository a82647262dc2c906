//! What wakes up by the watermark, in the order in which it is due. Wake-ups are state of the partition under a step that
//! no pipeline can name ([`tailrace_core::due`]). So they are committed, taken back, recovered and copied with everything
//! else.
//!
//! The first of them are known in memory, so most events cost one comparison here.
//!
//! Invariant: `entries` holds every wake-up up to `horizon`, as the uncommitted effects have it. What is written behind
//! the horizon is read when the horizon gets there.

use std::collections::BTreeMap;

/// Most wake-ups known in memory.
const MOST_KNOWN: usize = 4_000;

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
