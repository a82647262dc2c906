//! A tree that may be copied while commits go on. Each write of a partition goes through [`FollowedTree`], which
//! tells it to the [`Follower`] of the copy, where there is one.
//!
//! A follower goes through these states, and never back:
//!
//! 1. the copy of the tree has not begun: what is written now will be read then;
//! 2. the tree is being copied: it notes the keys that changed, which are copied again;
//! 3. the copy is complete: it gets each write too, in the same order. So a copy that is cut off at any write is
//!    what the tree would be, had it been cut off there;
//! 4. over: the copy was given up. A write that the copy refused never disturbs the partition, and it is the last:
//!    sled may wait for ever in a database where one failed, so all followers of the copy end with it.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{
    collections::BTreeSet,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sled::Tree;
use tailrace_core::ports::store::StoreError;

use crate::value::failed;

/// Keys that a follower notes at most, some 10 MB: whoever copies takes them away far sooner.
const MOST_NOTED: usize = 100_000;

/// A tree with what follows its writes.
pub(crate) struct FollowedTree {
    tree: Tree,
    follower: Option<Arc<Follower>>,
}

impl From<Tree> for FollowedTree {
    fn from(tree: Tree) -> Self {
        Self { tree, follower: None }
    }
}

impl Deref for FollowedTree {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        &self.tree
    }
}

impl FollowedTree {
    /// Tells writes to `follower` from now on.
    pub(crate) fn follow(&mut self, follower: Arc<Follower>) {
        self.follower = Some(follower);
    }

    /// Sets a key.
    pub(crate) fn insert(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StoreError> {
        let Some(follower) = &self.follower else {
            return done(self.tree.insert(key, value));
        };
        done(self.tree.insert(&key, value.as_slice()))?;
        follower.wrote(key, Some(value));
        Ok(())
    }

    /// Removes a key.
    pub(crate) fn remove(&self, key: Vec<u8>) -> Result<(), StoreError> {
        done(self.tree.remove(&key))?;
        if let Some(follower) = &self.follower {
            follower.wrote(key, None);
        }
        Ok(())
    }

    /// Removes all keys, one after the other.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        for key in self.tree.iter().keys() {
            self.remove(key.map_err(|cause| failed(&cause))?.to_vec())?;
        }
        Ok(())
    }
}

fn done<T>(written: sled::Result<T>) -> Result<(), StoreError> {
    written.map(drop).map_err(|cause| failed(&cause))
}

/// What the copy of a tree does with the tree's writes.
pub(crate) struct Follower {
    following: Mutex<Following>,
    /// Whether any write to the copy failed; all followers of it share this.
    has_failed: Arc<AtomicBool>,
}

enum Following {
    Waiting,
    Noting(BTreeSet<Vec<u8>>),
    Writing(Tree),
    Over,
}

impl Follower {
    /// Of a tree whose copy will be made.
    pub(crate) fn waiting(has_failed: Arc<AtomicBool>) -> Self {
        Self::new(Following::Waiting, has_failed)
    }

    /// Of a tree that is empty, like its copy.
    pub(crate) fn writing(copy: Tree, has_failed: Arc<AtomicBool>) -> Self {
        Self::new(Following::Writing(copy), has_failed)
    }

    fn new(following: Following, has_failed: Arc<AtomicBool>) -> Self {
        Self {
            following: Mutex::new(following),
            has_failed,
        }
    }

    /// The tree is read from now on.
    pub(crate) fn note(&self) {
        let mut following = self.lock();
        if let Following::Waiting = *following {
            *following = Following::Noting(BTreeSet::new());
        }
    }

    /// How many keys have changed that the copy may lack.
    pub(crate) fn noted(&self) -> usize {
        match &*self.lock() {
            Following::Noting(changed) => changed.len(),
            _ => 0,
        }
    }

    /// Takes the keys away that have changed.
    pub(crate) fn take_noted(&self) -> BTreeSet<Vec<u8>> {
        match &mut *self.lock() {
            Following::Noting(changed) => std::mem::take(changed),
            _ => BTreeSet::new(),
        }
    }

    /// The copy is complete. Whoever says so lets nobody write meanwhile.
    pub(crate) fn join(&self, copy: Tree) {
        let mut following = self.lock();
        if let Following::Noting(_) = *following {
            *following = Following::Writing(copy);
        }
    }

    /// The copy is given up, and its tree let go of.
    pub(crate) fn end(&self) {
        *self.lock() = Following::Over;
    }

    /// Whether the copy has all of the tree.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(*self.lock(), Following::Writing(_)) && !self.has_failed.load(Ordering::SeqCst)
    }

    fn wrote(&self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let mut following = self.lock();
        let keeps_up = match &mut *following {
            Following::Waiting | Following::Over => return,
            _ if self.has_failed.load(Ordering::SeqCst) => false,
            Following::Noting(changed) => {
                changed.insert(key);
                changed.len() <= MOST_NOTED
            }
            Following::Writing(copy) => write(copy, key, value),
        };
        if !keeps_up {
            self.has_failed.store(true, Ordering::SeqCst);
            *following = Following::Over;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes into the copy; false where it refuses.
fn write(copy: &Tree, key: Vec<u8>, value: Option<Vec<u8>>) -> bool {
    // sled panics on some kinds of damage, which would be taken for damage of the tree itself.
    let written = catch_unwind(AssertUnwindSafe(|| match value {
        Some(value) => copy.insert(key, value),
        None => copy.remove(key),
    }));
    matches!(written, Ok(Ok(_)))
}
