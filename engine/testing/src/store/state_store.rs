//! The state store of a partition in memory. Chance may cut the application of a commit off at any point, as
//! a crash does; the state store then says so, and takes nothing but that commit again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tailrace_core::{
    delta::{Delta, StateValue},
    ports::store::{Applied, Collection, Entries, PartitionStore, StoreError, StoredSize, expiry_order},
    series::{Group, Held, RangeQuery},
    vectors::{Metric, Search},
};
use tailrace_sketch::Sketch;

use super::{collection::MemoryCollection, content::Content, disturb::Disturbances};
use crate::{faults::Faults, sync::lock};

/// What the state stores of a store share.
#[derive(Clone, Default)]
pub(super) struct Surroundings {
    pub(super) faults: Option<Arc<Faults>>,
    pub(super) disturbances: Arc<Disturbances>,
    pub(super) versions: Arc<AtomicU64>,
}

impl Surroundings {
    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

struct Inside {
    content: Content,
    /// A commit of which some is there.
    begun: Option<Applied>,
    /// None where nobody keeps count.
    version: Option<u64>,
}

/// A state store.
pub(super) struct MemoryPartition {
    inside: Mutex<Inside>,
    around: Surroundings,
}

impl MemoryPartition {
    pub(super) fn new(around: &Surroundings) -> Self {
        Self {
            inside: Mutex::new(Inside {
                content: Content::default(),
                begun: None,
                version: Some(around.next_version()),
            }),
            around: around.clone(),
        }
    }

    /// What it holds.
    pub(super) fn content(&self) -> Content {
        lock(&self.inside).content.clone()
    }

    /// Changes the content from outside of any commit.
    pub(super) fn change(&self, change: impl FnOnce(&mut Content), is_counted: bool) {
        let mut inside = lock(&self.inside);
        change(&mut inside.content);
        inside.begun = None;
        inside.version = is_counted.then(|| self.around.next_version());
    }

    fn strikes(&self, what: &'static str) -> Result<(), StoreError> {
        let faults = self.around.faults.as_ref();
        if faults.is_some_and(|faults| faults.strikes(what, 2)) {
            return Err(StoreError::Io("simulated".to_owned()));
        }
        Ok(())
    }

    /// Some entries of a delta: those may be written before the rest.
    fn part_of(&self, delta: &Delta) -> Delta {
        let mut part = Delta {
            state: delta.state.clone(),
            vectors: delta.vectors.clone(),
            ..Delta::default()
        };
        let stays = || {
            self.around
                .faults
                .as_ref()
                .is_some_and(|faults| faults.below(2) == 0)
        };
        for writes in part.state.values_mut() {
            writes.retain(|_, _| stays());
        }
        for writes in part.vectors.values_mut() {
            writes.retain(|_, _| stays());
        }
        part
    }

    fn read<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        let found = read(&lock(&self.inside).content);
        self.around.disturbances.is_read();
        found
    }
}

impl PartitionStore for MemoryPartition {
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(lock(&self.inside).content.applied)
    }

    fn begun(&self) -> Option<Applied> {
        lock(&self.inside).begun
    }

    /// Its size is 0, so no quota is ever full.
    fn weight(&self) -> StoredSize {
        StoredSize::default()
    }

    fn version(&self) -> Option<u64> {
        let inside = lock(&self.inside);
        inside.version.filter(|_| inside.begun.is_none())
    }

    fn apply(&self, delta: &Delta, applied: Applied) -> Result<(), StoreError> {
        self.around.disturbances.check_room()?;
        self.strikes("store fails before a write")?;
        let mut inside = lock(&self.inside);
        assert_eq!(
            applied.commit,
            inside.content.applied.commit + 1,
            "commits are applied in order, each once"
        );
        assert!(
            inside.begun.is_none_or(|begun| begun == applied),
            "what was cut off is applied again, and nothing else"
        );
        if let Err(cause) = self.strikes("store fails in the midst of a write") {
            inside.begun = Some(applied);
            inside.content.take(&self.part_of(delta));
            return Err(cause);
        }
        inside.content.take(delta);
        inside.content.applied = applied;
        inside.begun = None;
        inside.version = inside.version.map(|_| self.around.next_version());
        drop(inside);
        self.strikes("store fails after a write")
    }

    fn get(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        self.around.disturbances.check(key)?;
        let place = (step.to_owned(), key.to_owned());
        Ok(self.read(|content| content.state.get(&place).cloned()))
    }

    fn scan(
        &self,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        let is_wanted = |of: &str, key: &str| {
            of == step && key.starts_with(prefix) && after.is_none_or(|after| key > after)
        };
        Ok(self.read(|content| {
            let wanted = content.state.iter().filter(|((of, key), _)| is_wanted(of, key));
            wanted
                .take(limit)
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect()
        }))
    }

    fn expired(&self, watermark_ms: u64, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        let inside = lock(&self.inside);
        let state = inside.content.state.iter();
        let due = state.filter(|(_, value)| !value.is_live(watermark_ms));
        let mut due: Vec<_> = due
            .map(|((step, key), value)| expiry_order(value.expires_ms.unwrap_or_default(), step, key))
            .collect();
        due.sort_unstable();
        let places = due.into_iter().take(limit);
        Ok(places
            .map(|(_, _, step, key)| (step.to_owned(), key.to_owned()))
            .collect())
    }

    fn vector(&self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        let place = (collection.to_owned(), id.to_owned());
        Ok(self.read(|content| content.vectors.get(&place).cloned()))
    }

    fn vectors(
        &self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError> {
        let is_wanted = |of: &str, id: &str| of == collection && after.is_none_or(|after| id > after);
        Ok(self.read(|content| {
            let wanted = content.vectors.iter().filter(|((of, id), _)| is_wanted(of, id));
            let found = wanted.map(|((_, id), vector)| (id.clone(), vector.clone()));
            found.take(limit).collect()
        }))
    }

    fn collection(
        &self,
        collection: &str,
        dimensions: usize,
        metric: Metric,
        _: Search,
    ) -> Result<Box<dyn Collection>, StoreError> {
        let inside = lock(&self.inside);
        let own = inside
            .content
            .vectors
            .iter()
            .filter(|((of, _), _)| of == collection);
        let vectors: BTreeMap<_, _> = own
            .map(|((_, id), vector)| (id.clone(), vector.clone()))
            .collect();
        Ok(Box::new(MemoryCollection {
            dimensions,
            metric,
            vectors,
        }))
    }

    /// Updates are kept as they came, so it is made of them anew.
    fn sketch(&self, name: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(self.read(|content| content.sketch(name)))
    }

    fn sketch_range(&self, _: &str, _: &RangeQuery) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        self.around.disturbances.merge();
        Ok(Vec::new())
    }

    fn sketch_windows(&self, _: &str) -> Result<Option<Held>, StoreError> {
        Ok(None)
    }

    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        Ok(Sha256::digest(bytes(&lock(&self.inside).content)?).into())
    }

    fn export(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        let content = lock(&self.inside).content.clone();
        sink(&bytes(&content)?)?;
        Ok(content.applied)
    }

    fn import(&self, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        let whole: Vec<u8> = source.flatten().collect();
        let imported = Content::from_bytes(&whole).map_err(|cause| StoreError::Damaged(cause.to_string()))?;
        let applied = imported.applied;
        let is_counted = lock(&self.inside).version.is_some();
        self.change(|content| *content = imported, is_counted);
        Ok(applied)
    }
}

fn bytes(content: &Content) -> Result<Vec<u8>, StoreError> {
    content
        .to_bytes()
        .map_err(|cause| StoreError::Io(cause.to_string()))
}
