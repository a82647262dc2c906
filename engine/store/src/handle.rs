//! A partition's tree, and what has become of it. Everything that is done with a tree goes through
//! here, so that a tree that failed or is damaged is never taken for a sound one again: the next who
//! opens the partition finds that out and begins anew (see [`crate::database`]).
//!
//! Why: docs/decisions/0044-values-carry-a-checksum.md

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, RwLock},
};

use sled::Tree;
use tailrace_core::ports::store::StoreError;

/// What has become of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing bad was seen.
    Sound,
    /// The disk refused something; sled keeps that error for the whole database.
    Failed,
    /// What was read is not what was written.
    Damaged,
}

/// A tree that can be let go of.
pub(crate) struct Handle {
    tree: RwLock<Option<Tree>>,
    condition: Mutex<Condition>,
}

impl Handle {
    pub(crate) fn new(tree: Tree) -> Self {
        Self {
            tree: RwLock::new(Some(tree)),
            condition: Mutex::new(Condition::Sound),
        }
    }

    pub(crate) fn condition(&self) -> Condition {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes it: sled holds a database's lock until the last of its trees is gone. Whoever still has
    /// the store gets an error at the next use, and recovers.
    pub(crate) fn let_go(&self) {
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Does something with the tree, and remembers if that went wrong.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Tree) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let tree = tree
            .as_ref()
            .ok_or_else(|| StoreError::Io("the local database was closed; it is opened anew".to_owned()))?;
        // sled panics on some kinds of damage.
        let done = catch_unwind(AssertUnwindSafe(|| act(tree)))
            .unwrap_or_else(|_| Err(StoreError::Damaged("sled panicked".to_owned())));
        match &done {
            Ok(_) => {}
            Err(StoreError::Damaged(_)) => self.note(Condition::Damaged),
            Err(StoreError::Io(_)) => self.note(Condition::Failed),
        }
        done
    }

    fn note(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }
}
