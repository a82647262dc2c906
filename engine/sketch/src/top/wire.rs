//! A top list as data: the items in the order of their names, and the cells where there are some.
//! Reading checks everything that the sketch indexes or bounds by.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{DEPTH, MAX_SIZE, Top, WIDTH};
use crate::{SketchError, TenantSeed, seed::is_short};

/// What is encoded.
#[derive(Serialize, Deserialize)]
struct Wire {
    size: u32,
    seed: TenantSeed,
    cells: Vec<u64>,
    candidates: Vec<(String, u64)>,
    total: u64,
}

impl Serialize for Top {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Wire::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Top> for Wire {
    fn from(top: Top) -> Self {
        let candidates = top.candidates.ascending_by_name();
        Self {
            size: top.size,
            seed: top.seed,
            candidates: candidates.map(|(item, count)| (item.to_owned(), count)).collect(),
            cells: top.cells,
            total: top.total,
        }
    }
}

impl TryFrom<Wire> for Top {
    type Error = SketchError;

    fn try_from(wire: Wire) -> Result<Self, SketchError> {
        let has_cells = wire.cells.is_empty() || wire.cells.len() == WIDTH * DEPTH;
        if !has_cells || !(1..=MAX_SIZE).contains(&wire.size) {
            return Err(SketchError::Damaged("it has a size that cannot be"));
        }
        let mut top = Self::new(wire.size, wire.seed);
        for (item, count) in &wire.candidates {
            let is_new = top.candidates.get(item).is_none();
            if !is_new || *count == 0 || !is_short(item) || !top.candidates.has_room_for(item) {
                return Err(SketchError::Damaged("its list holds what cannot be"));
            }
            top.candidates.propose(item, *count);
        }
        top.cells = wire.cells;
        top.total = wire.total;
        Ok(top)
    }
}
