//! One partition in one sled tree. A commit is written one entry after the other (see [`crate::commit`]).
//! A store that was cut off in one carries the commit's mark. It goes on only by applying that same commit again.

use std::sync::{Arc, Mutex, MutexGuard};

use sha2::{Digest as _, Sha256};
use tailrace_core::{
    delta::{Delta, StateValue},
    manifest::PipelineManifest,
    ports::store::{Applied, Collection, Entries, PartitionStore, StoreError, StoredSize},
    series::{Group, Held, RangeQuery},
    vectors::{Metric, Search},
};
use tailrace_sketch::{Sketch, TenantSeed};

use crate::{
    collection::VectorCollection,
    followed::FollowedTree,
    handle::Handle,
    keys,
    sketches::configs,
    transfer,
    value::{damaged, failed, open, open_vector},
    version::Version,
    windowed::part_cache::PartCache,
    writing::{Writing, lock, read_state},
};

/// The local state store of one partition.
pub(crate) struct SledPartition {
    pub(crate) handle: Handle,
    /// Held while a commit is applied or a page is exported.
    writing: Mutex<Writing>,
    /// Of the content; taken away by whoever changes it, who holds `writing`.
    pub(crate) version: Version,
}

impl SledPartition {
    pub(crate) fn open(
        tree: FollowedTree,
        manifest: &PipelineManifest,
        seed: TenantSeed,
        part_cache: Arc<PartCache>,
    ) -> Result<Self, StoreError> {
        let handle = Handle::new(tree);
        let writing = handle.change(|tree| Writing::load(tree, manifest, seed, part_cache))?;
        Ok(Self {
            handle,
            writing: Mutex::new(writing),
            version: Version::new(),
        })
    }

    /// The pipeline declares these sketches.
    pub(crate) fn declare(&self, manifest: &PipelineManifest, seed: TenantSeed) {
        let mut writing = self.writing();
        let _changing = self.version.change();
        writing.sketches.declare(manifest, seed);
        writing.windowed.declare(configs(manifest), seed);
    }

    pub(crate) fn writing(&self) -> MutexGuard<'_, Writing> {
        lock(&self.writing)
    }
}

impl PartitionStore for SledPartition {
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(self.writing().applied)
    }

    fn begun(&self) -> Option<Applied> {
        self.writing().begun
    }

    fn weight(&self) -> StoredSize {
        self.writing().size
    }

    fn version(&self) -> Option<u64> {
        self.version.get()
    }

    fn apply(&self, delta: &Delta, applied: Applied) -> Result<(), StoreError> {
        let mut writing = self.writing();
        if applied.commit <= writing.applied.commit {
            return Ok(());
        }
        if applied.commit != writing.applied.commit + 1 {
            let before = writing.applied.commit;
            return Err(damaged(&format!(
                "commit {} cannot follow commit {before}",
                applied.commit
            )));
        }
        if let Some(begun) = writing.begun.filter(|begun| *begun != applied) {
            return Err(damaged(&format!(
                "commit {} was cut off at {}, and another takes its place",
                begun.commit, begun.sequence
            )));
        }
        let _changing = self.version.change();
        self.handle.change(|tree| writing.apply(tree, delta, applied))
    }

    fn get(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        self.handle.with(|tree| read_state(tree, &keys::state(step, key)))
    }

    fn scan(
        &self,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        let beginning = keys::state(step, "").len();
        let end = prefix_end(&keys::state(step, prefix));
        let start = match after.filter(|after| *after >= prefix) {
            // The smallest key after `after` is itself with a zero byte behind it.
            Some(after) => [keys::state(step, after), vec![0]].concat(),
            None => keys::state(step, prefix),
        };
        if start >= end {
            return Ok(Entries::new());
        }
        self.handle.with(|tree| {
            let entries = tree.range(start..end).take(limit).map(|entry| {
                let (place, sealed) = entry.map_err(|cause| failed(&cause))?;
                let key = keys::rest(&place, beginning).ok_or_else(|| damaged("a key is not text"))?;
                Ok((key, open(&sealed)?))
            });
            entries.collect()
        })
    }

    fn expired(&self, watermark_ms: u64, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        self.handle.with(|tree| {
            let due = tree.range(keys::expiry_until(watermark_ms)).take(limit);
            due.map(|entry| {
                let (index, _) = entry.map_err(|cause| failed(&cause))?;
                keys::parse_expiry(&index).ok_or_else(|| damaged("the expiry index cannot be read"))
            })
            .collect()
        })
    }

    fn vector(&self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        self.handle.with(|tree| {
            let found = tree
                .get(keys::vector(collection, id))
                .map_err(|cause| failed(&cause))?;
            found.map(|sealed| open_vector(&sealed)).transpose()
        })
    }

    fn vectors(
        &self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError> {
        let beginning = keys::vector(collection, "");
        let start = match after {
            // The smallest key after `after` is itself with a zero byte behind it.
            Some(after) => [keys::vector(collection, after), vec![0]].concat(),
            None => beginning.clone(),
        };
        self.handle.with(|tree| {
            let entries = tree.range(start..prefix_end(&beginning)).take(limit);
            let read = entries.map(|entry| {
                let (place, sealed) = entry.map_err(|cause| failed(&cause))?;
                let id = keys::rest(&place, beginning.len()).ok_or_else(|| damaged("an id is not text"))?;
                Ok((id, open_vector(&sealed)?))
            });
            read.collect()
        })
    }

    fn collection(
        &self,
        collection: &str,
        dimensions: usize,
        metric: Metric,
        search: Search,
    ) -> Result<Box<dyn Collection>, StoreError> {
        let beginning = keys::vector(collection, "");
        let mut vectors = VectorCollection::new(dimensions, metric, search);
        self.handle.with(|tree| {
            for entry in tree.scan_prefix(&beginning) {
                let (place, sealed) = entry.map_err(|cause| failed(&cause))?;
                let id = keys::rest(&place, beginning.len()).ok_or_else(|| damaged("an id is not text"))?;
                let vector = open_vector(&sealed)?;
                if vector.len() == dimensions {
                    vectors.replace(&id, Some(&vector));
                }
            }
            Ok(())
        })?;
        Ok(Box::new(vectors))
    }

    fn sketch(&self, name: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(self.writing().sketches.get(name).cloned())
    }

    fn sketch_range(
        &self,
        name: &str,
        slice: &RangeQuery,
    ) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        // First each part by itself, so that a commit waits for one of them and not for all; what stands
        // at the end is of one commit.
        let mut from_ms = slice.windows.map(|span| span.from_ms);
        while let Some(begin_ms) = from_ms {
            let mut writing = self.writing();
            let kept = self
                .handle
                .with(|tree| writing.windowed.keep_next(tree, name, slice, begin_ms));
            drop(writing);
            from_ms = kept?;
            std::thread::yield_now();
        }
        let writing = self.writing();
        self.handle.with(|tree| writing.windowed.slice(tree, name, slice))
    }

    fn sketch_windows(&self, name: &str) -> Result<Option<Held>, StoreError> {
        Ok(self.writing().windowed.held(name))
    }

    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        let writing = self.writing();
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        self.handle.with(|tree| {
            for entry in tree {
                let (key, sealed) = entry.map_err(|cause| failed(&cause))?;
                if keys::is_content(&key) {
                    part(&key);
                    part(&sealed);
                }
            }
            writing.windowed.visit(tree, |key, sketch| {
                part(key);
                part(sketch);
            })
        })?;
        for (name, sketch) in writing.sketches.all() {
            part(name.as_bytes());
            part(&sketch.encode());
        }
        Ok(hash.finalize().into())
    }

    fn export(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        transfer::export(&self.handle, &self.writing, sink)
    }

    fn import(&self, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        transfer::import(&self.handle, &self.writing, &self.version, source)
    }
}

/// The first key after all that begin with `prefix`.
fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}
