//! How many bytes a partition holds. The tree keeps the number, and each commit moves it. It carries the number
//! of its commit: after an engine of an earlier version, or a commit that was cut off, it is measured anew.
//!
//! Why: docs/decisions/0028-quotas-are-summed-beside-the-work.md

use sled::Tree;
use tailrace_core::ports::store::{StoreError, StoredSize};

use crate::{
    keys,
    value::{failed, open, seal},
    writes::Writes,
};

/// The size of the tree as of a commit.
pub(crate) fn load(tree: &Tree, commit: u64) -> Result<StoredSize, StoreError> {
    let found = tree.get(keys::SIZE).map_err(|cause| failed(&cause))?;
    let known: Option<(u64, StoredSize)> = found.map(|sealed| open(&sealed)).transpose()?;
    match known {
        Some((as_of, size)) if as_of == commit => Ok(size),
        _ => measure(tree),
    }
}

/// Writes the size along with a commit.
pub(crate) fn keep(size: StoredSize, commit: u64, writes: &mut Writes) {
    writes.insert(keys::SIZE, seal(&(commit, size)));
}

/// Goes through the whole tree.
pub(crate) fn measure(tree: &Tree) -> Result<StoredSize, StoreError> {
    let mut size = StoredSize::default();
    for entry in tree {
        let (key, value) = entry.map_err(|cause| failed(&cause))?;
        if keys::is_content(&key) {
            *part(&mut size, &key) += bytes(&key, &value);
        }
    }
    Ok(size)
}

/// One entry replaces another; none stands for an entry that is not there.
pub(crate) fn replace(size: &mut StoredSize, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
    let part = part(size, key);
    let bytes_of = |value: Option<&[u8]>| value.map_or(0, |value| bytes(key, value));
    *part = part
        .saturating_add(bytes_of(after))
        .saturating_sub(bytes_of(before));
}

fn part<'a>(size: &'a mut StoredSize, key: &[u8]) -> &'a mut u64 {
    if keys::is_state(key) {
        &mut size.state_bytes
    } else {
        &mut size.vector_bytes
    }
}

/// As the tree holds them: with the name of the step or collection, and the checksum.
fn bytes(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}
