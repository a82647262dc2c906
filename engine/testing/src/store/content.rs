//! What a state store holds, and how it takes in a delta, in the plainest way. A checker may replay commits
//! into a [`Content`] and compare.

use std::collections::BTreeMap;

use serde_json::Error;
use tailrace_core::{
    delta::{Delta, StateValue},
    ports::store::Applied,
};
use tailrace_sketch::{Kind, Sketch, SketchConfig, TenantSeed, Update};

/// What a state store holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// State, by step and key.
    pub state: BTreeMap<(String, String), StateValue>,
    /// Vectors, by collection and id.
    pub vectors: BTreeMap<(String, String), Vec<f32>>,
    /// Updates of sketches in their order, by name; nothing is merged.
    pub updates: BTreeMap<String, Vec<Update>>,
    /// Up to where it holds the commits.
    pub applied: Applied,
}

/// A content as lists, for JSON has no keys but texts.
type Lists = (
    Vec<((String, String), StateValue)>,
    Vec<((String, String), Vec<f32>)>,
    Vec<(String, Vec<Update>)>,
    Applied,
);

impl Content {
    /// Takes a delta in.
    pub fn take(&mut self, delta: &Delta) {
        for (step, writes) in &delta.state {
            for (key, value) in writes {
                put(&mut self.state, step, key, value.as_ref());
            }
        }
        for (collection, writes) in &delta.vectors {
            for (id, vector) in writes {
                put(&mut self.vectors, collection, id, vector.as_ref());
            }
        }
        for (name, updates) in &delta.sketches {
            let known = self.updates.entry(name.clone()).or_default();
            known.extend(updates.iter().cloned());
        }
        for (name, measured) in &delta.measured {
            let updates = measured.updates.iter().map(|placed| placed.update.clone());
            self.updates.entry(name.clone()).or_default().extend(updates);
        }
    }

    /// A sketch of its updates, of the kind that they show; none without any.
    pub fn sketch(&self, name: &str) -> Option<Sketch> {
        let updates = self.updates.get(name)?;
        let kind = match updates.first()? {
            Update::Observe(_) => Kind::Quantiles,
            Update::Distinct(_) => Kind::Distinct,
            Update::Count { .. } => Kind::Top,
            Update::Seen(_) => Kind::Seen,
            Update::Sample(_) | Update::Draw { .. } => Kind::Sample,
        };
        let mut sketch = Sketch::new(&SketchConfig { kind, size: None }, TenantSeed::new(0, 0));
        for update in updates {
            // One of another kind is left out, as the store on the disk does.
            let _ = sketch.apply(update);
        }
        Some(sketch)
    }

    /// Sets an entry of state.
    pub fn set(&mut self, step: &str, key: &str, value: &[u8], expires_ms: Option<u64>) {
        let value = StateValue {
            value: value.to_vec(),
            expires_ms,
        };
        put(&mut self.state, step, key, Some(&value));
    }

    /// Deletes an entry of state.
    pub fn remove(&mut self, step: &str, key: &str) {
        put(&mut self.state, step, key, None);
    }

    /// Sets a vector.
    pub fn set_vector(&mut self, collection: &str, id: &str, vector: &[f32]) {
        put(&mut self.vectors, collection, id, Some(&vector.to_vec()));
    }

    /// Deletes a vector.
    pub fn remove_vector(&mut self, collection: &str, id: &str) {
        put(&mut self.vectors, collection, id, None);
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let content = self.clone();
        let lists: Lists = (
            content.state.into_iter().collect(),
            content.vectors.into_iter().collect(),
            content.updates.into_iter().collect(),
            content.applied,
        );
        serde_json::to_vec(&lists)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (state, vectors, updates, applied): Lists = serde_json::from_slice(bytes)?;
        Ok(Self {
            state: state.into_iter().collect(),
            vectors: vectors.into_iter().collect(),
            updates: updates.into_iter().collect(),
            applied,
        })
    }
}

fn put<T: Clone>(map: &mut BTreeMap<(String, String), T>, of: &str, key: &str, value: Option<&T>) {
    let place = (of.to_owned(), key.to_owned());
    match value {
        Some(value) => drop(map.insert(place, value.clone())),
        None => drop(map.remove(&place)),
    }
}
