//! One sketch of any kind: what a pipeline declares, a commit updates and a query reads. `codec` turns it
//! into bytes, `report` into an answer.

use serde::{Deserialize, Serialize};

use crate::{Distinct, Kind, Quantiles, Sample, Seen, SketchError, TenantSeed, Top};

/// Items that `top` shows and `sample` keeps where nothing else is said.
const DEFAULT_SIZE: u32 = 10;

/// How a sketch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SketchConfig {
    /// What it measures.
    pub kind: Kind,
    /// For `top`, how many items are shown; for `sample`, how many are kept. 10 if left out.
    pub size: Option<u32>,
}

/// One change of a sketch, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// A number, for quantiles.
    Observe(f64),
    /// The hash of an item, for distinct.
    Distinct(u64),
    /// An item and how often, for top.
    Count {
        /// The item.
        item: String,
        /// How often.
        times: u64,
    },
    /// The hash of an item, for seen.
    Seen(u64),
    /// An item without a rank, for sample: how records had it before there were ranks.
    Sample(String),
    /// An item, for sample.
    Draw {
        /// Its rank: see [`crate::rank`].
        rank: u64,
        /// The item.
        item: String,
    },
}

/// A sketch of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Sketch {
    /// See [`Quantiles`].
    Quantiles(Quantiles),
    /// See [`Distinct`].
    Distinct(Box<Distinct>),
    /// See [`Top`].
    Top(Top),
    /// See [`Seen`].
    Seen(Seen),
    /// See [`Sample`].
    Sample(Sample),
}

impl Sketch {
    /// An empty sketch.
    pub fn new(config: &SketchConfig, seed: TenantSeed) -> Self {
        let size = config.size.unwrap_or(DEFAULT_SIZE);
        match config.kind {
            Kind::Quantiles => Self::Quantiles(Quantiles::default()),
            Kind::Distinct => Self::Distinct(Box::default()),
            Kind::Top => Self::Top(Top::new(size, seed)),
            Kind::Seen => Self::Seen(Seen::default()),
            Kind::Sample => Self::Sample(Sample::new(size, seed)),
        }
    }

    /// What it measures.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Quantiles(_) => Kind::Quantiles,
            Self::Distinct(_) => Kind::Distinct,
            Self::Top(_) => Kind::Top,
            Self::Seen(_) => Kind::Seen,
            Self::Sample(_) => Kind::Sample,
        }
    }

    /// Takes an update in.
    pub fn apply(&mut self, update: &Update) -> Result<(), SketchError> {
        match (&mut *self, update) {
            (Self::Quantiles(sketch), Update::Observe(value)) => sketch.observe(*value)?,
            (Self::Distinct(sketch), Update::Distinct(hash)) => sketch.insert(*hash),
            (Self::Top(sketch), Update::Count { item, times }) => sketch.count(item, *times),
            (Self::Seen(sketch), Update::Seen(hash)) => drop(sketch.insert(*hash)),
            (Self::Sample(sketch), Update::Sample(item)) => sketch.offer_unranked(item),
            (Self::Sample(sketch), Update::Draw { rank, item }) => sketch.offer(*rank, item),
            _ => return Err(SketchError::WrongKind { kind: self.kind() }),
        }
        Ok(())
    }

    /// Takes another sketch of the same kind and size in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        match (self, other) {
            (Self::Quantiles(mine), Self::Quantiles(theirs)) => mine.merge(theirs),
            (Self::Distinct(mine), Self::Distinct(theirs)) => mine.merge(theirs),
            (Self::Top(mine), Self::Top(theirs)) => mine.merge(theirs),
            (Self::Seen(mine), Self::Seen(theirs)) => mine.merge(theirs),
            (Self::Sample(mine), Self::Sample(theirs)) => mine.merge(theirs),
            _ => Err(SketchError::Incompatible),
        }
    }

    /// How many values it rests on.
    pub fn count(&self) -> u64 {
        match self {
            Self::Quantiles(sketch) => sketch.count(),
            Self::Distinct(sketch) => sketch.count(),
            Self::Top(sketch) => sketch.total(),
            Self::Seen(sketch) => sketch.count(),
            Self::Sample(sketch) => sketch.count(),
        }
    }
}

#[cfg(test)]
mod tests;
