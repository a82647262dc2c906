//! What a shadow needs of effects beside what every revision needs: to keep nothing but its state. What it
//! has not written itself it reads below, in the active revision's effects (see
//! [`CallHost`](crate::effects::host::CallHost)); so its collections hold its own vectors only.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    event::Header,
    manifest::VectorManifest,
    ports::{
        broker::Output,
        store::{Collection, PartitionStore, StoreError},
    },
};

use crate::{
    effects::{Effects, journal::Mark},
    plan::Plan,
};

/// What an entry takes beside its key and its value, about.
const ENTRY_BYTES: usize = 64;

impl Effects {
    /// A shadow's, on top of this state store. It knows no duplicates: the active revision does.
    pub(crate) fn of_shadow(
        state_store: Arc<dyn PartitionStore>,
        plan: Arc<Plan>,
    ) -> Result<Self, StoreError> {
        let mut collections: BTreeMap<String, Box<dyn Collection>> = BTreeMap::new();
        for (name, declared) in &plan.manifest.vectors {
            let VectorManifest {
                dimensions,
                metric,
                search,
            } = *declared;
            // No collection's name begins with a tilde, so the state store has none of this one.
            let own = state_store.collection(&format!("~{name}"), dimensions as usize, metric, search)?;
            collections.insert(name.to_string(), own);
        }
        Ok(Self::with(state_store, plan, collections, None))
    }

    /// The messages that were published since the mark.
    pub(crate) fn outputs_since(&self, mark: &Mark) -> &[Output] {
        self.outputs.get(mark.outputs..).unwrap_or_default()
    }

    /// Adds a header to the messages that were published since the mark.
    pub(crate) fn stamp(&mut self, mark: &Mark, header: &Header) {
        for output in self.outputs.iter_mut().skip(mark.outputs) {
            output.headers.push(header.clone());
        }
    }

    /// Drops messages and sketches, and settles what was written.
    pub(crate) fn forget_messages(&mut self) {
        self.outputs.clear();
        self.output_bytes = 0;
        self.current.sketches.clear();
        self.current.measured.clear();
        self.late = 0;
        self.settle();
    }

    /// Bytes that its state and its vectors take, about.
    pub(crate) fn held_bytes(&self) -> usize {
        let states = self.current.state.values().flatten().map(|(key, value)| {
            key.len() + value.as_ref().map_or(0, |value| value.value.len()) + ENTRY_BYTES
        });
        // Vectors are held twice: as a change, and for searches.
        let vectors = self.current.vectors.values().flatten().map(|(id, vector)| {
            2 * (id.len() + vector.as_ref().map_or(0, |vector| vector.len() * 4) + ENTRY_BYTES)
        });
        states.sum::<usize>() + vectors.sum::<usize>()
    }
}
