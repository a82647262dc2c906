//! What a commit changes beside the tree, and how it changes both. An export under way keeps the old values of
//! what a commit overwrites.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sled::Tree;
use tailrace_core::{
    delta::{Delta, StateValue},
    manifest::PipelineManifest,
    ports::store::{Applied, StoreError, StoredSize},
};
use tailrace_sketch::TenantSeed;

use crate::{
    commit::{self, Commit},
    entries::Entries,
    followed::FollowedTree,
    keys, size,
    sketches::{Change, Sketches, configs},
    value::{failed, open},
    windowed::{WindowedSketches, part_cache::PartCache},
};

/// What goes along with the tree.
pub(crate) struct Writing {
    pub(crate) applied: Applied,
    /// The commit that was begun to be written, and not ended.
    pub(crate) begun: Option<Applied>,
    pub(crate) sketches: Sketches,
    pub(crate) windowed: WindowedSketches,
    /// The export under way, which must not see what is applied meanwhile.
    pub(crate) export: Option<Export>,
    /// Whether any entry ends: where none does, a write need not ask whether the old one would have.
    pub(crate) expires: bool,
    /// How much the tree holds.
    pub(crate) size: StoredSize,
}

/// What an export under way still has to see.
#[derive(Default)]
pub(crate) struct Export {
    /// Everything up to here is exported.
    pub(crate) cursor: Vec<u8>,
    /// Values as they were when it began, of keys behind the cursor that have changed since.
    pub(crate) kept: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Bases of windowed sketches that were older on disk than in memory when it began.
    pub(crate) warm: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Export {
    /// Keeps the old values of what a commit is about to overwrite.
    pub(crate) fn keep_what_goes(
        &mut self,
        tree: &Tree,
        delta: &Delta,
        series: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let state = delta
            .state
            .iter()
            .flat_map(|(step, writes)| writes.keys().map(|key| keys::state(step, key)));
        let vectors = delta
            .vectors
            .iter()
            .flat_map(|(of, writes)| writes.keys().map(|id| keys::vector(of, id)));
        for key in state.chain(vectors).chain(series) {
            if key > self.cursor && !self.kept.contains_key(&key) {
                let before = tree.get(&key).map_err(|cause| failed(&cause))?;
                self.kept.insert(key, before.map(|value| value.to_vec()));
            }
        }
        Ok(())
    }
}

/// The value of a key of state.
pub(crate) fn read_state(tree: &Tree, place: &[u8]) -> Result<Option<StateValue>, StoreError> {
    let found = tree.get(place).map_err(|cause| failed(&cause))?;
    found.map(|sealed| open(&sealed)).transpose()
}

/// Locks what commits change.
pub(crate) fn lock(writing: &Mutex<Writing>) -> MutexGuard<'_, Writing> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writing {
    /// What a tree holds, once what was cut off near its end is finished.
    pub(crate) fn load(
        tree: &FollowedTree,
        manifest: &PipelineManifest,
        seed: TenantSeed,
        part_cache: Arc<PartCache>,
    ) -> Result<Self, StoreError> {
        let (applied, begun) = commit::applied_and_begun(tree)?;
        let size = match begun {
            Some(_) => size::measure(tree)?,
            None => size::load(tree, applied.commit)?,
        };
        Ok(Self {
            size,
            applied,
            begun,
            sketches: Sketches::load(tree, applied.commit)?,
            windowed: WindowedSketches::load(tree, applied.commit, configs(manifest), seed, part_cache)?,
            export: None,
            expires: any_expires(tree)?,
        })
    }

    /// Writes a commit.
    pub(crate) fn apply(
        &mut self,
        tree: &FollowedTree,
        delta: &Delta,
        applied: Applied,
    ) -> Result<(), StoreError> {
        let (commit, sketches) = self.commit(tree, delta, applied.commit)?;
        let size = commit.size;
        self.begun = commit.is_marked().then_some(applied);
        commit.writes(applied).write(tree)?;
        self.begun = None;
        self.sketches.commit(sketches);
        self.applied = applied;
        self.size = size;
        Ok(())
    }

    /// What a commit of this number writes, and what it changes in memory.
    pub(crate) fn commit(
        &mut self,
        tree: &Tree,
        delta: &Delta,
        number: u64,
    ) -> Result<(Commit, Change), StoreError> {
        let entries = Entries::of(tree, delta, self.size, self.expires)?;
        self.expires = entries.expires;
        let mut commit = Commit {
            entries: entries.writes,
            size: entries.size,
            ..Commit::default()
        };
        let sketches = self.sketches.add(delta, number, &mut commit);
        let series = self.windowed.add(tree, delta, number, &mut commit)?;
        if let Some(export) = &mut self.export {
            export.keep_what_goes(tree, delta, series)?;
        }
        Ok((commit, sketches))
    }
}

/// Whether the expiry index has an entry.
pub(crate) fn any_expires(tree: &Tree) -> Result<bool, StoreError> {
    let mut index = tree.range(keys::expiry_until(u64::MAX));
    Ok(index
        .next()
        .transpose()
        .map_err(|cause| failed(&cause))?
        .is_some())
}
