//! Keyed state of all steps, written in place with a journal of what was there before.

use std::{collections::BTreeMap, ops::Bound};

use super::limits::check_key;
use crate::Entry;

struct Stored {
    value: Vec<u8>,
    /// Event time from which on the entry no longer exists.
    expires_ms: Option<u64>,
}

struct Undo {
    step: usize,
    key: String,
    before: Option<Stored>,
}

/// State by step, as steps of a pipeline do not see each other's.
#[derive(Default)]
pub(crate) struct States {
    steps: Vec<BTreeMap<String, Stored>>,
    journal: Vec<Undo>,
    now_ms: u64,
}

impl States {
    pub(super) fn add_step(&mut self) {
        self.steps.push(BTreeMap::new());
    }

    /// The watermark.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A timer fires as if it were this time, which may be over.
    pub(super) fn set_now(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    /// Writes of the event under way.
    pub(super) fn written(&self) -> usize {
        self.journal.len()
    }

    /// Takes back the latest writes, until so many are left.
    pub(super) fn roll_back(&mut self, writes_left: usize) {
        for Undo { step, key, before } in self.journal.split_off(writes_left).into_iter().rev() {
            match before {
                Some(stored) => self.steps[step].insert(key, stored),
                None => self.steps[step].remove(&key),
            };
        }
    }

    pub(crate) fn get(&self, step: usize, key: &str) -> Option<&[u8]> {
        let stored = self.steps[step].get(key)?;
        self.is_live(stored).then_some(stored.value.as_slice())
    }

    pub(crate) fn set(&mut self, step: usize, key: &str, value: &[u8], ttl_ms: Option<u64>) {
        check_key("state key", key);
        let expires_ms = ttl_ms.map(|ttl_ms| self.now_ms.saturating_add(ttl_ms));
        let stored = Stored {
            value: value.to_vec(),
            expires_ms,
        };
        let before = self.steps[step].insert(key.to_owned(), stored);
        self.journal.push(Undo {
            step,
            key: key.to_owned(),
            before,
        });
    }

    pub(crate) fn delete(&mut self, step: usize, key: &str) {
        check_key("state key", key);
        let before = self.steps[step].remove(key);
        self.journal.push(Undo {
            step,
            key: key.to_owned(),
            before,
        });
    }

    pub(crate) fn scan(&self, step: usize, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.steps[step]
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, stored)| self.is_live(stored))
            .take(limit as usize)
            .map(|(key, stored)| Entry {
                key: key.clone(),
                value: stored.value.clone(),
            })
            .collect()
    }

    fn is_live(&self, stored: &Stored) -> bool {
        stored.expires_ms.is_none_or(|end_ms| self.now_ms < end_ms)
    }
}
