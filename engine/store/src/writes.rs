//! Writes of a tree, one after the other. There are no batches: while sled applies one it holds a lock that
//! all trees of a process share, every read of any tenant waits for it, and a thread that waits yields its
//! place on the processor, for milliseconds where that is scarce.
//!
//! A single write is there as a whole or not at all, after a crash those of a tree are there up to some
//! place in their order, and writing them again changes nothing.
//!
//! Why: docs/decisions/0043-a-commit-is-no-sled-batch.md

use serde::{Deserialize, Serialize};
use tailrace_core::{
    failpoint::{self, Point},
    ports::store::StoreError,
};

use crate::followed::FollowedTree;

/// Keys with their new values; none removes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Writes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Writes {
    pub(crate) fn insert(&mut self, key: impl Into<Vec<u8>>, value: Vec<u8>) {
        self.0.push((key.into(), Some(value)));
    }

    pub(crate) fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.0.push((key.into(), None));
    }

    pub(crate) fn append(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn write(self, tree: &FollowedTree) -> Result<(), StoreError> {
        let half = self.0.len() / 2;
        for (index, (key, value)) in self.0.into_iter().enumerate() {
            if index == half {
                failpoint::pass(Point::CommitHalfApplied);
            }
            match value {
                Some(value) => tree.insert(key, value)?,
                None => tree.remove(key)?,
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn cut(&mut self, len: usize) -> usize {
        let whole = self.0.len();
        self.0.truncate(len);
        whole
    }
}
