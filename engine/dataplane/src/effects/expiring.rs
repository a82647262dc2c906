//! Entries that ended go with a batch, some at a time.
//!
//! Invariant: which of them go hangs on what is sealed and on the watermark, and not on how far the commit under way has
//! come. So a batch that is done again deletes the same.

use std::collections::BTreeMap;

use tailrace_core::{
    delta::{Delta, StateValue},
    ports::store::{StoreError, expiry_order},
};

use crate::effects::Effects;

/// Step and key of an entry.
type Place = (String, String);

impl Effects {
    /// Makes entries that ended part of the batch's deletions. Reads do not see them any more
    /// anyway, so this changes no answer: it only frees space.
    pub fn expire(&mut self, watermark_ms: u64, limit: usize) -> Result<(), StoreError> {
        for (step, key) in self.expired(watermark_ms, limit)? {
            if self.current.state(&step, &key).is_none() {
                self.current.state.entry(step).or_default().insert(key, None);
            }
        }
        Ok(())
    }

    /// What has ended in the state store, as it will be with the commit under way.
    fn expired(&self, watermark_ms: u64, limit: usize) -> Result<Vec<Place>, StoreError> {
        let Some(committing) = self.committing.as_deref() else {
            return self.state_store.expired(watermark_ms, limit);
        };
        let hidden: usize = committing.state.values().map(BTreeMap::len).sum();
        let mut ended = Vec::new();
        for (step, key) in self.state_store.expired(watermark_ms, limit + hidden)? {
            if committing.state(&step, &key).is_none() {
                let stored = self.state_store.get(&step, &key)?;
                let ends_ms = stored.and_then(|value| value.expires_ms).unwrap_or_default();
                ended.push((ends_ms, step, key));
            }
        }
        ended.extend(ended_of(committing, watermark_ms));
        ended.sort_by(|(one_ms, one_step, one_key), (other_ms, other_step, other_key)| {
            let one = expiry_order(*one_ms, one_step, one_key);
            one.cmp(&expiry_order(*other_ms, other_step, other_key))
        });
        ended.truncate(limit);
        Ok(ended.into_iter().map(|(_, step, key)| (step, key)).collect())
    }
}

/// What a batch has written that has ended since.
fn ended_of(delta: &Delta, watermark_ms: u64) -> impl Iterator<Item = (u64, String, String)> + '_ {
    delta.state.iter().flat_map(move |(step, writes)| {
        let ended = move |value: &StateValue| value.expires_ms.filter(|_| !value.is_live(watermark_ms));
        writes.iter().filter_map(move |(key, value)| {
            let ends_ms = value.as_ref().and_then(ended)?;
            Some((ends_ms, step.clone(), key.clone()))
        })
    })
}
