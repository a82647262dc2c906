//! A partition's tree, and what has become of it. Everything that is done with a tree goes through
//! here, so that a tree that failed or is damaged is never taken for a sound one again: the next who
//! opens the partition finds that out and begins anew (see [`crate::database`]).
//!
//! Why: docs/decisions/0044-values-carry-a-checksum.md

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard},
};

use sled::Tree;
use tailrace_core::ports::store::StoreError;

use crate::followed::{FollowedTree, Follower};

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
    tree: RwLock<Option<FollowedTree>>,
    condition: Mutex<Condition>,
}

impl Handle {
    pub(crate) fn new(tree: FollowedTree) -> Self {
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
        *self.alone() = None;
    }

    /// Tells writes to `follower` from now on.
    pub(crate) fn follow(&self, follower: Arc<Follower>) {
        if let Some(tree) = &mut *self.alone() {
            tree.follow(follower);
        }
    }

    /// Does something while nobody uses the tree.
    pub(crate) fn while_unused<T>(&self, act: impl FnOnce() -> T) -> T {
        let _alone = self.alone();
        act()
    }

    /// Goes on with the copy of the tree. Where a write of this moment did not reach it, the tree is let go of
    /// instead: whoever has the store recovers. False where there is no tree now.
    pub(crate) fn move_to(&self, copy: Tree, follower: &Follower) -> bool {
        let mut tree = self.alone();
        if tree.is_some() {
            *tree = follower.is_whole().then(|| copy.into());
        }
        tree.is_some()
    }

    /// Waits for the uses under way.
    fn alone(&self) -> RwLockWriteGuard<'_, Option<FollowedTree>> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads something of the tree, and remembers if that went wrong.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Tree) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.change(|tree| act(tree))
    }

    /// Changes something of the tree, and remembers if that went wrong.
    pub(crate) fn change<T>(
        &self,
        act: impl FnOnce(&FollowedTree) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
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
            Err(StoreError::Io(_) | StoreError::NoRoom(_)) => self.note(Condition::Failed),
        }
        done
    }

    fn note(&self, condition: Condition) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    }
}
