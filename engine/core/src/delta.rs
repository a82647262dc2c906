//! What a commit changes: state, vectors and sketches, as data. The same delta lies over the local state
//! store while its commit is under way, and is written into the commit record. It is applied to the state
//! store afterwards or at recovery. So all three agree by construction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tailrace_sketch::Update;

use crate::series::{Group, WindowRule};

/// A value of keyed state, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateValue {
    /// The plugin's bytes, as one run of them: the same on the wire as one by one, in less time.
    #[serde(with = "serde_bytes")]
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

/// What went into a windowed or grouped sketch. It says all that decides where its updates go, so that
/// applying it needs no manifest of the pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How it is windowed, if it is.
    pub window: Option<WindowRule>,
    /// Most groups with a value; beyond them, values count in [`Group::Other`].
    pub most_groups: u32,
    /// The partition's event-time clock, as of the end of the batch; 0 while it may go back.
    pub clock_ms: u64,
    /// In the order of the events.
    pub updates: Vec<Placed>,
}

/// An update and where it goes beside all time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// Beginning of its window, where the sketch has windows.
    pub window_start_ms: Option<u64>,
    /// Whether that window was gone, so that it counts for all time only.
    pub is_late: bool,
    /// Its group, where the sketch is grouped: a value or [`Group::Missing`].
    pub group: Option<Group>,
    /// The update.
    pub update: Update,
}

/// The last value of everything that a batch wrote. Ordered maps, so that equal effects encode to
/// equal bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// By step name.
    pub state: BTreeMap<String, StateWrites>,
    /// By collection name.
    pub vectors: BTreeMap<String, VectorWrites>,
    /// By sketch name, in the order of the events.
    pub sketches: BTreeMap<String, Vec<Update>>,
    /// By name, of sketches that are windowed or grouped.
    pub measured: BTreeMap<String, Measured>,
}

impl Delta {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.state.is_empty()
            && self.vectors.is_empty()
            && self.sketches.is_empty()
            && self.measured.is_empty()
    }

    /// As bytes: what every record has, and behind it what went into windowed and grouped sketches, where
    /// there are any. So records from before there were any read as they always did.
    pub fn encode(&self) -> Vec<u8> {
        if self.measured.is_empty() {
            return self.encode_common();
        }
        self.encode_whole()
    }

    /// As bytes behind which something else follows, so they say also where there is nothing measured.
    pub(crate) fn encode_whole(&self) -> Vec<u8> {
        let common = self.encode_common();
        postcard::to_extend(&self.measured, common).expect("a delta always serialises into memory")
    }

    fn encode_common(&self) -> Vec<u8> {
        let common = (&self.state, &self.vectors, &self.sketches);
        postcard::to_stdvec(&common).expect("a delta always serialises into memory")
    }

    /// From bytes of [`Delta::encode`], and what follows them. An engine from before anything followed leaves that.
    pub fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), postcard::Error> {
        let ((state, vectors, sketches), rest) = postcard::take_from_bytes(bytes)?;
        let (measured, rest) = if rest.is_empty() {
            (BTreeMap::new(), rest)
        } else {
            postcard::take_from_bytes(rest)?
        };
        let delta = Self {
            state,
            vectors,
            sketches,
            measured,
        };
        Ok((delta, rest))
    }

    /// A state entry as this delta leaves it: `None` where the delta says nothing of it.
    pub fn state(&self, step: &str, key: &str) -> Option<Option<&StateValue>> {
        self.state.get(step)?.get(key).map(Option::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_on_the_wire_as_it_always_did() {
        for value in [vec![], vec![0, 127, 128, 255], vec![7; 300]] {
            let expires_ms = Some(1_700_000_000_000);
            let one_by_one = postcard::to_stdvec(&(&value, expires_ms)).unwrap();
            let value = StateValue { value, expires_ms };
            assert_eq!(postcard::to_stdvec(&value).unwrap(), one_by_one);
            assert_eq!(postcard::from_bytes::<StateValue>(&one_by_one).unwrap(), value);
            assert!(postcard::from_bytes::<StateValue>(&one_by_one[..1]).is_err());
        }
    }
}
