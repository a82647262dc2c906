//! What a shadow needs of effects beside what every revision needs: to lie over those of the active
//! revision while it works, and to keep nothing but its state.
//!
//! Its collections hold only the vectors that it has written itself; all others are read below.

use std::{collections::BTreeMap, sync::Arc};

use super::{Effects, Mark};
use crate::{
    event::Header,
    pipeline::plan::Plan,
    ports::{
        broker::Output,
        store::{Collection, Image, Neighbour, StoreError},
    },
    spec::VectorSpec,
};

/// What an entry takes beside its key and its value, about.
const ENTRY_BYTES: usize = 64;

impl Effects {
    /// A shadow's, on top of this image and of what it is made to lie over. It knows no duplicates: the
    /// active revision does.
    pub(in crate::pipeline) fn of_shadow(image: Arc<dyn Image>, plan: Arc<Plan>) -> Result<Self, StoreError> {
        let mut collections: BTreeMap<String, Box<dyn Collection>> = BTreeMap::new();
        for (name, declared) in &plan.spec.vectors {
            let VectorSpec {
                dimensions,
                metric,
                search,
            } = *declared;
            // No collection's name begins with a tilde, so the image has none of this one.
            let own = image.collection(&format!("~{name}"), dimensions as usize, metric, search)?;
            collections.insert(name.to_string(), own);
        }
        Ok(Self::with(image, plan, collections, None))
    }

    /// From now on it reads what it has not written itself from these.
    pub(in crate::pipeline) fn lie_over(&mut self, base: Option<Box<Self>>) {
        self.base = base;
    }

    /// Gives back what it lay over.
    pub(in crate::pipeline) fn lift(&mut self) -> Option<Box<Self>> {
        self.base.take()
    }

    /// The messages that were published since the mark.
    pub(in crate::pipeline) fn outputs_since(&self, mark: &Mark) -> &[Output] {
        self.outputs.get(mark.outputs..).unwrap_or_default()
    }

    /// Adds a header to the messages that were published since the mark.
    pub(in crate::pipeline) fn stamp(&mut self, mark: &Mark, header: &Header) {
        for output in self.outputs.iter_mut().skip(mark.outputs) {
            output.headers.push(header.clone());
        }
    }

    /// Drops messages and sketches, and settles what was written.
    pub(in crate::pipeline) fn forget_messages(&mut self) {
        self.outputs.clear();
        self.output_bytes = 0;
        self.current.sketches.clear();
        self.current.measured.clear();
        self.late = 0;
        self.settle();
    }

    /// Bytes that its state and its vectors take, about.
    pub(in crate::pipeline) fn held_bytes(&self) -> usize {
        let states = self.current.state.values().flatten().map(|(key, value)| {
            key.len() + value.as_ref().map_or(0, |value| value.value.len()) + ENTRY_BYTES
        });
        // Vectors are held twice: as a change, and for searches.
        let vectors = self.current.vectors.values().flatten().map(|(id, vector)| {
            2 * (id.len() + vector.as_ref().map_or(0, |vector| vector.len() * 4) + ENTRY_BYTES)
        });
        states.sum::<usize>() + vectors.sum::<usize>()
    }

    /// A vector as the current event sees it.
    pub(super) fn vector<'a>(&'a self, own: &'a dyn Collection, name: &str, id: &str) -> Option<&'a [f32]> {
        let Some(base) = &self.base else {
            return own.get(id);
        };
        let written = self.current.vectors.get(name).and_then(|writes| writes.get(id));
        match written {
            Some(vector) => vector.as_deref(),
            None => base.collections.get(name)?.get(id),
        }
    }

    /// The nearest as the current event sees them.
    pub(super) fn nearest(
        &self,
        own: &dyn Collection,
        name: &str,
        query: &[f32],
        k: usize,
    ) -> Vec<Neighbour> {
        let below = self.base.as_ref().and_then(|base| base.collections.get(name));
        let Some(below) = below else {
            return own.nearest(query, k);
        };
        let written = self.current.vectors.get(name);
        let hidden = written.map_or(0, BTreeMap::len);
        let mut found = below.nearest(query, k.saturating_add(hidden));
        found.retain(|neighbour| written.is_none_or(|written| !written.contains_key(&neighbour.id)));
        found.extend(own.nearest(query, k));
        found.sort_by(|one, other| {
            let nearer = other.score.total_cmp(&one.score);
            nearer.then_with(|| one.id.cmp(&other.id))
        });
        found.truncate(k);
        found
    }
}
