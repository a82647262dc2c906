//! What a commit changes: state, vectors and sketches, as data. The same delta lies over the local
//! image while its commit is under way, is written into the commit record, and is applied to the
//! image afterwards or at recovery; so all three agree by construction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tailrace_sketch::Update;

/// A value of keyed state, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateValue {
    /// The plugin's bytes.
    pub value: Vec<u8>,
    /// Event time in milliseconds from which on the entry no longer exists; none keeps it for ever.
    pub expires_ms: Option<u64>,
}

impl StateValue {
    /// Whether the entry still exists at this event time.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_ms.is_none_or(|end| now_ms < end)
    }
}

/// State writes of one step: `None` deletes.
pub type StateWrites = BTreeMap<String, Option<StateValue>>;
/// Vector writes of one collection: `None` deletes.
pub type VectorWrites = BTreeMap<String, Option<Vec<f32>>>;

/// The last value of everything that a batch wrote. Ordered maps, so that equal effects encode to
/// equal bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// By step name.
    pub state: BTreeMap<String, StateWrites>,
    /// By collection name.
    pub vectors: BTreeMap<String, VectorWrites>,
    /// By sketch name, in the order of the events.
    pub sketches: BTreeMap<String, Vec<Update>>,
}

impl Delta {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.state.is_empty() && self.vectors.is_empty() && self.sketches.is_empty()
    }

    /// A state entry as this delta leaves it: `None` where the delta says nothing of it.
    pub fn state(&self, step: &str, key: &str) -> Option<Option<&StateValue>> {
        self.state.get(step)?.get(key).map(Option::as_ref)
    }
}
