//! How much an image holds. Kept with it and moved by each commit; it bears the commit's number, so one that an
//! engine of an earlier version, or a commit that was cut off, left behind is known, and weighed anew.

use sled::Tree;
use tailrace_core::ports::store::{StoreError, Weight};

use crate::{
    keys,
    value::{failed, open, seal},
    writes::Writes,
};

/// The weight of the tree as of a commit.
pub(crate) fn load(tree: &Tree, commit: u64) -> Result<Weight, StoreError> {
    let found = tree.get(keys::WEIGHT).map_err(|cause| failed(&cause))?;
    let known: Option<(u64, Weight)> = found.map(|sealed| open(&sealed)).transpose()?;
    match known {
        Some((as_of, weight)) if as_of == commit => Ok(weight),
        _ => weigh(tree),
    }
}

/// Writes the weight along with a commit.
pub(crate) fn keep(weight: Weight, commit: u64, writes: &mut Writes) {
    writes.insert(keys::WEIGHT, seal(&(commit, weight)));
}

/// Goes through all of it.
pub(crate) fn weigh(tree: &Tree) -> Result<Weight, StoreError> {
    let mut weight = Weight::default();
    for entry in tree {
        let (key, value) = entry.map_err(|cause| failed(&cause))?;
        if keys::is_content(&key) {
            *part(&mut weight, &key) += bytes(&key, &value);
        }
    }
    Ok(weight)
}

/// An entry takes the place of another: none is one that is not there.
pub(crate) fn replace(weight: &mut Weight, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
    let part = part(weight, key);
    let size = |value: Option<&[u8]>| value.map_or(0, |value| bytes(key, value));
    *part = part.saturating_add(size(after)).saturating_sub(size(before));
}

fn part<'a>(weight: &'a mut Weight, key: &[u8]) -> &'a mut u64 {
    if keys::is_state(key) {
        &mut weight.state_bytes
    } else {
        &mut weight.vector_bytes
    }
}

/// As they lie in the tree: with the name of the step or collection, and the checksum.
fn bytes(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}
