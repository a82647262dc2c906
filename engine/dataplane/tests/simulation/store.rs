//! A local store in memory. It outlives its engine, except when the disk is lost; its image may be
//! behind, and its writes may fail with an unknown outcome or when half of a commit is there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    manifest::PipelineSpec,
    name::Name,
    ports::store::*,
    series::{Group, Held, Slice},
    vectors::{Metric, Search},
};
use tailrace_sketch::{Sketch, TenantSeed, Update};

use super::faults::Faults;

/// What an image holds; also what the checker compares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    pub state: BTreeMap<(String, String), StateValue>,
    pub vectors: BTreeMap<(String, String), Vec<f32>>,
    pub updates: BTreeMap<String, Vec<Update>>,
    pub applied: Applied,
}

/// The disk of one engine.
#[derive(Clone)]
pub struct SimStore {
    images: Arc<Mutex<BTreeMap<PartitionId, Arc<SimImage>>>>,
    faults: Arc<Faults>,
}

pub struct SimImage {
    content: Mutex<Content>,
    /// A commit of which some is there.
    begun: Mutex<Option<Applied>>,
    faults: Arc<Faults>,
}

impl SimStore {
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            images: Arc::default(),
            faults,
        }
    }

    /// The disk is gone.
    pub fn lose(&self) {
        self.images.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl SimImage {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn content(&self) -> Content {
        self.lock().clone()
    }

    /// Some entries of a delta: those may be written before the rest.
    fn part_of(&self, delta: &Delta) -> Delta {
        let mut part = Delta {
            state: delta.state.clone(),
            vectors: delta.vectors.clone(),
            ..Delta::default()
        };
        for writes in part.state.values_mut() {
            writes.retain(|_, _| self.faults.below(2) == 0);
        }
        for writes in part.vectors.values_mut() {
            writes.retain(|_, _| self.faults.below(2) == 0);
        }
        part
    }

    fn set_begun(&self, begun: Option<Applied>) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = begun;
    }
}

impl LocalStore for SimStore {
    fn open(
        &self,
        partition: &PartitionId,
        _: &PipelineSpec,
        _: TenantSeed,
    ) -> Result<Arc<dyn Image>, StoreError> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            Arc::new(SimImage {
                content: Mutex::default(),
                begun: Mutex::default(),
                faults: self.faults.clone(),
            })
        };
        Ok(images.entry(partition.clone()).or_insert_with(fresh).clone())
    }
    fn existing(&self, _: &PartitionId) -> Result<Option<Arc<dyn Image>>, StoreError> {
        Ok(None)
    }
    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        self.images
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(partition);
        Ok(())
    }
    fn remove(&self, _: &PipelineId) -> Result<(), StoreError> {
        Ok(())
    }
    fn size_bytes(&self, _: &Name) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl Image for SimImage {
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(self.lock().applied)
    }

    fn begun(&self) -> Option<Applied> {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn weight(&self) -> Weight {
        Weight::default()
    }
    fn apply(&self, delta: &Delta, applied: Applied) -> Result<(), StoreError> {
        if self.faults.strikes("store fails before a write", 2) {
            return Err(StoreError::Io("simulated".to_owned()));
        }
        let mut content = self.lock();
        assert_eq!(
            applied.commit,
            content.applied.commit + 1,
            "commits are applied in order, each once"
        );
        assert!(
            self.begun().is_none_or(|begun| begun == applied),
            "what was cut off is applied again, and nothing else"
        );
        if self.faults.strikes("store fails in the midst of a write", 2) {
            self.set_begun(Some(applied));
            content.take(&self.part_of(delta));
            return Err(StoreError::Io("simulated".to_owned()));
        }
        content.take(delta);
        content.applied = applied;
        self.set_begun(None);
        drop(content);
        if self.faults.strikes("store fails after a write", 2) {
            return Err(StoreError::Io("simulated".to_owned()));
        }
        Ok(())
    }

    fn get(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        Ok(self.lock().state.get(&(step.to_owned(), key.to_owned())).cloned())
    }

    fn scan(
        &self,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        let content = self.lock();
        let matching = content.state.iter().filter(|((of, key), _)| {
            of == step && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        Ok(matching
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn expired(&self, watermark_ms: u64, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        let content = self.lock();
        let due = content
            .state
            .iter()
            .filter(|(_, value)| !value.is_live(watermark_ms));
        Ok(due.take(limit).map(|(place, _)| place.clone()).collect())
    }

    fn vector(&self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(self
            .lock()
            .vectors
            .get(&(collection.to_owned(), id.to_owned()))
            .cloned())
    }

    fn collection(
        &self,
        collection: &str,
        dimensions: usize,
        _: Metric,
        _: Search,
    ) -> Result<Box<dyn Collection>, StoreError> {
        let content = self.lock();
        let own = content.vectors.iter().filter(|((of, _), _)| of == collection);
        let vectors = own
            .map(|((_, id), vector)| (id.clone(), vector.clone()))
            .collect();
        Ok(Box::new(SimCollection { dimensions, vectors }))
    }

    fn sketch(&self, _: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(None)
    }

    fn sketch_slice(&self, _: &str, _: &Slice) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        Ok(Vec::new())
    }

    fn sketch_windows(&self, _: &str) -> Result<Option<Held>, StoreError> {
        Ok(None)
    }

    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        Ok([0; 32])
    }

    fn export(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        let content = self.content();
        let plain: Export = (
            content.state.into_iter().collect(),
            content.vectors.into_iter().collect(),
            content.updates.into_iter().collect(),
            content.applied,
        );
        sink(&serde_json::to_vec(&plain).map_err(|cause| StoreError::Io(cause.to_string()))?)?;
        Ok(plain.3)
    }

    fn import(&self, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        let bytes: Vec<u8> = source.flatten().collect();
        let (state, vectors, updates, applied): Export =
            serde_json::from_slice(&bytes).map_err(|cause| StoreError::Damaged(cause.to_string()))?;
        self.set_begun(None);
        *self.lock() = Content {
            state: state.into_iter().collect(),
            vectors: vectors.into_iter().collect(),
            updates: updates.into_iter().collect(),
            applied,
        };
        Ok(applied)
    }
}

type Place = (String, String);
type Export = (
    Vec<(Place, StateValue)>,
    Vec<(Place, Vec<f32>)>,
    Vec<(String, Vec<Update>)>,
    Applied,
);

impl Content {
    /// Takes a delta in, the plainest way there is.
    pub fn take(&mut self, delta: &Delta) {
        for (step, writes) in &delta.state {
            for (key, value) in writes {
                let place = (step.clone(), key.clone());
                match value {
                    Some(value) => drop(self.state.insert(place, value.clone())),
                    None => drop(self.state.remove(&place)),
                }
            }
        }
        for (collection, writes) in &delta.vectors {
            for (id, vector) in writes {
                let place = (collection.clone(), id.clone());
                match vector {
                    Some(vector) => drop(self.vectors.insert(place, vector.clone())),
                    None => drop(self.vectors.remove(&place)),
                }
            }
        }
        for (name, updates) in &delta.sketches {
            self.updates
                .entry(name.clone())
                .or_default()
                .extend(updates.iter().cloned());
        }
        for (name, measured) in &delta.measured {
            let updates = measured.updates.iter().map(|placed| placed.update.clone());
            self.updates.entry(name.clone()).or_default().extend(updates);
        }
    }
}

struct SimCollection {
    dimensions: usize,
    vectors: BTreeMap<String, Vec<f32>>,
}

impl Collection for SimCollection {
    fn dimensions(&self) -> usize {
        self.dimensions
    }
    fn len(&self) -> usize {
        self.vectors.len()
    }
    fn get(&self, id: &str) -> Option<&[f32]> {
        self.vectors.get(id).map(Vec::as_slice)
    }
    fn replace(&mut self, id: &str, vector: Option<&[f32]>) -> Option<Vec<f32>> {
        match vector {
            Some(vector) => self.vectors.insert(id.to_owned(), vector.to_vec()),
            None => self.vectors.remove(id),
        }
    }
    fn nearest(&self, _: &[f32], k: usize) -> Vec<Neighbour> {
        self.vectors
            .keys()
            .take(k)
            .map(|id| Neighbour {
                id: id.clone(),
                score: 0.0,
            })
            .collect()
    }
}
