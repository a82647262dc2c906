//! The joins of a plan: which of them an event is of, and the value that its partners have too.

use tailrace_core::{
    delta::StateValue,
    extract::{Extractor, Scalar},
    join::{self, Kept},
    manifest::{Extract, JoinManifest, JoinSide, PipelineManifest},
    name::Name,
    ports::store::StoreError,
    registry::Begun,
};

use crate::windows::plan::Leaving;

/// The joins of a plan.
#[derive(Debug, Default)]
pub struct Joins(Vec<PlannedJoin>);

/// A join made ready.
#[derive(Debug)]
pub struct PlannedJoin {
    /// Its name.
    pub name: Name,
    /// As the tenant wrote it.
    pub manifest: JoinManifest,
    /// The step under which it keeps events; it owns their wake-ups too.
    pub(crate) step: String,
    /// What makes kept events partners.
    pub(crate) shape: u32,
    /// Where the value is on either side; none where it is the key.
    left: Option<Extractor>,
    right: Option<Extractor>,
    /// Whether its right side is a table.
    pub(super) is_with_table: bool,
}

impl Joins {
    /// Those of a manifest.
    pub fn of(manifest: &PipelineManifest, begun: &Begun) -> Self {
        let planned = manifest.joins.iter().map(|(name, join)| {
            let places = |side| {
                let pointer = join.on(side)?;
                Some(Extractor::new(vec![Extract::Json(pointer.to_owned())]))
            };
            PlannedJoin {
                name: name.clone(),
                step: join::step(name),
                shape: join::shape(join, begun.join(name)),
                left: places(JoinSide::Left),
                right: places(JoinSide::Right),
                is_with_table: manifest.tables.contains_key(&join.right),
                manifest: join.clone(),
            }
        });
        Self(planned.collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PlannedJoin> {
        self.0.iter()
    }

    /// The one whose wake-ups are of this owner.
    pub(super) fn owned_by(&self, owner: &str) -> Option<&PlannedJoin> {
        self.0.iter().find(|join| join.step == owner)
    }

    /// The one of this name.
    pub(super) fn named(&self, name: &Name) -> Option<&PlannedJoin> {
        self.0.iter().find(|join| join.name == *name)
    }

    /// Those that an input is a side of.
    pub(super) fn of_input<'a>(
        &'a self,
        input: &'a Name,
    ) -> impl Iterator<Item = (&'a PlannedJoin, JoinSide)> {
        self.0.iter().filter_map(move |join| {
            let sides = [JoinSide::Left, JoinSide::Right];
            let side = sides
                .into_iter()
                .find(|side| join.manifest.input(*side) == input)?;
            Some((join, side))
        })
    }
}

impl PlannedJoin {
    /// The value by which an event finds its partners; none where it has none.
    pub(super) fn value(&self, side: JoinSide, leaving: Leaving<'_>) -> Option<String> {
        let places = match side {
            JoinSide::Left => &self.left,
            JoinSide::Right => &self.right,
        };
        let Some(places) = places else {
            return Some(leaving.key.to_owned());
        };
        let found = places.extract(leaving.subject, leaving.headers, leaving.payload);
        let value = found.values.into_iter().next().flatten();
        value.and_then(Scalar::into_text)
    }

    /// What is kept, as state. It ends by itself unless it must be told first.
    pub(super) fn encode(&self, kept: &Kept, expires_ms: Option<u64>) -> StateValue {
        let value = join::encode(self.shape, kept);
        StateValue { value, expires_ms }
    }

    /// The payload of a kept event, which was JSON when it was kept.
    pub(super) fn kept_text<'a>(&self, key: &str, kept: &'a Kept) -> Result<&'a str, StoreError> {
        std::str::from_utf8(&kept.payload).map_err(|cause| {
            let name = &self.name;
            StoreError::Damaged(format!(
                "what join {name} keeps under {key:?} is no text: {cause}"
            ))
        })
    }

    /// What is kept under a key; none for an event of another declaration.
    pub(super) fn decode(&self, key: &str, bytes: &[u8]) -> Result<Option<Kept>, StoreError> {
        let damaged = |cause: postcard::Error| {
            StoreError::Damaged(format!(
                "what join {} keeps under {key:?} cannot be read: {cause}",
                self.name
            ))
        };
        join::decode(self.shape, bytes).map_err(damaged)
    }
}
