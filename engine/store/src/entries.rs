//! The entries of a commit: state, its ends, vectors, each with its whole new value. So they may be written
//! again, in the same order, whatever of them was written before.

use sled::Tree;
use tailrace_core::{
    delta::{Delta, StateValue},
    ports::store::{StoreError, StoredSize},
};

use crate::{
    keys, size,
    value::{failed, open, seal, seal_bytes, vector_bytes},
    writes::Writes,
};

/// What they come to.
pub(crate) struct Entries {
    /// In this order: the index of an entry's end is changed before the entry, so that an entry which is
    /// there has its end there, and none that was there before.
    pub(crate) writes: Writes,
    /// Size of the tree with them.
    pub(crate) size: StoredSize,
    /// Whether any entry of the tree ends, with them.
    pub(crate) expires: bool,
}

impl Entries {
    /// Those of a delta, for a tree that has so much, some of whose entries end or none.
    pub(crate) fn of(
        tree: &Tree,
        delta: &Delta,
        size: StoredSize,
        expires: bool,
    ) -> Result<Self, StoreError> {
        let mut entries = Self {
            writes: Writes::default(),
            size,
            expires,
        };
        for (step, writes) in &delta.state {
            for (key, value) in writes {
                entries.add_state(tree, step, key, value.as_ref())?;
            }
        }
        for (collection, writes) in &delta.vectors {
            for (id, vector) in writes {
                let place = keys::vector(collection, id);
                let after = vector.as_ref().map(|vector| seal_bytes(&vector_bytes(vector)));
                let before = tree.get(&place).map_err(|cause| failed(&cause))?;
                entries.replace(place, before.as_deref(), after);
            }
        }
        Ok(entries)
    }

    fn add_state(
        &mut self,
        tree: &Tree,
        step: &str,
        key: &str,
        value: Option<&StateValue>,
    ) -> Result<(), StoreError> {
        let place = keys::state(step, key);
        let before = tree.get(&place).map_err(|cause| failed(&cause))?;
        if self.expires
            && let Some(sealed) = &before
            && let Some(end_ms) = open::<StateValue>(sealed)?.expires_ms
        {
            self.writes.remove(keys::expiry(end_ms, step, key));
        }
        if let Some(end_ms) = value.and_then(|value| value.expires_ms) {
            let index = keys::expiry(end_ms, step, key);
            self.writes.insert(index, Vec::new());
            self.expires = true;
        }
        self.replace(place, before.as_deref(), value.map(seal));
        Ok(())
    }

    fn replace(&mut self, place: Vec<u8>, before: Option<&[u8]>, after: Option<Vec<u8>>) {
        size::replace(&mut self.size, &place, before, after.as_deref());
        match after {
            Some(after) => self.writes.insert(place, after),
            None => self.writes.remove(place),
        }
    }
}
