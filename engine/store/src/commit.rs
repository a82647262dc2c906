//! A commit as writes in their order:
//!
//! 1. the mark of the commit: it says that a part of the commit may be there;
//! 2. its entries, with their whole new values, and its updates of sketches, under its number;
//! 3. what must change together: bases of sketches and the end of their updates: first all of it as one
//!    value, then each for itself;
//! 4. the size, and last the commit up to which the store is applied.
//!
//! Cut off in 1 or 2, it is applied again from the stream, and no other in its place; updates of a commit that
//! is not applied do not count. Cut off later, the store finishes it by itself when it is opened.
//!
//! Why: docs/decisions/0043-a-commit-is-no-sled-batch.md

use serde::{Deserialize, Serialize};
use tailrace_core::ports::store::{Applied, StoreError, StoredSize};

use crate::{
    followed::FollowedTree,
    keys, size,
    value::{failed, open, seal},
    writes::Writes,
};

/// The parts of a commit.
#[derive(Default)]
pub(crate) struct Commit {
    /// Entries: each write may be repeated, whatever was written before.
    pub(crate) entries: Writes,
    /// Updates of sketches, and empty bases for them: they may be there too soon.
    pub(crate) updates: Writes,
    /// What must be there as a whole or not at all.
    pub(crate) together: Writes,
    /// Size of the store with it.
    pub(crate) size: StoredSize,
}

#[derive(Serialize, Deserialize)]
struct Together {
    applied: Applied,
    writes: Writes,
}

impl Commit {
    /// Whether a store with a part of it differs from one without it.
    pub(crate) fn is_marked(&self) -> bool {
        !(self.entries.is_empty() && self.updates.is_empty() && self.together.is_empty())
    }

    /// All of it, in its order.
    pub(crate) fn writes(self, applied: Applied) -> Writes {
        let mut writes = Writes::default();
        if self.is_marked() {
            writes.insert(keys::BEGUN, seal(&applied));
        }
        writes.append(self.entries);
        writes.append(self.updates);
        let has_together = !self.together.is_empty();
        if has_together {
            let together = Together {
                applied,
                writes: self.together,
            };
            writes.insert(keys::TOGETHER, seal(&together));
            writes.append(together.writes);
        }
        size::keep(self.size, applied.commit, &mut writes);
        writes.insert(keys::APPLIED, seal(&applied));
        if has_together {
            writes.remove(keys::TOGETHER);
        }
        writes
    }
}

/// Up to where a tree holds the commits, once what was cut off near its end is finished; and the commit some
/// of which is there.
pub(crate) fn applied_and_begun(tree: &FollowedTree) -> Result<(Applied, Option<Applied>), StoreError> {
    let place = |key| -> Result<Option<Applied>, StoreError> {
        let found = tree.get(key).map_err(|cause| failed(&cause))?;
        found.map(|sealed| open(&sealed)).transpose()
    };
    let mut applied = place(keys::APPLIED)?.unwrap_or_default();
    if let Some(sealed) = tree.get(keys::TOGETHER).map_err(|cause| failed(&cause))? {
        let together: Together = open(&sealed)?;
        let mut writes = Writes::default();
        if together.applied.commit > applied.commit {
            applied = together.applied;
            writes = together.writes;
            writes.insert(keys::APPLIED, seal(&applied));
        }
        writes.remove(keys::TOGETHER);
        writes.write(tree)?;
    }
    let begun = place(keys::BEGUN)?.filter(|begun| begun.commit > applied.commit);
    Ok((applied, begun))
}

#[cfg(test)]
mod tests;
