//! What is asked of a divided sketch, merged: windows into the parts that they lie in
//! ([`super::parts`]), parts into the answer. It is always done in these two steps, kept parts or none,
//! so that the same content gives the same answer to the last digit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sled::Tree;
use tailrace_core::{
    ports::store::StoreError,
    series::{Group, Groups, Series, Slice, WindowSpan},
};
use tailrace_sketch::Sketch;

use super::{
    Divided, Divisions,
    parts::{Place, Shelf},
    read,
};
use crate::keys;

/// Sketches by group, or one of all.
#[derive(Default)]
struct Sum {
    groups: BTreeMap<Option<Group>, Sketch>,
    /// Measured before the sketch was declared anew: whoever asked will find so.
    unlike: Vec<(Option<Group>, Sketch)>,
}

impl Sum {
    fn add(&mut self, group: Option<Group>, sketch: Sketch) {
        match self.groups.get_mut(&group) {
            None => drop(self.groups.insert(group, sketch)),
            Some(sum) => {
                if sum.merge(&sketch).is_err() {
                    self.unlike.push((group, sketch));
                }
            }
        }
    }

    fn into_all(self) -> impl Iterator<Item = (Option<Group>, Sketch)> {
        self.groups.into_iter().chain(self.unlike)
    }
}

impl Divided {
    /// What a slice takes, merged in the order of time.
    pub(crate) fn slice(
        &self,
        tree: &Tree,
        name: &str,
        slice: &Slice,
    ) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        let Some(divisions) = self.sketches.get(name) else {
            return Ok(Vec::new());
        };
        let mut whole = Sum::default();
        let Some(span) = slice.windows else {
            divisions.merge(tree, name, slice, &mut whole)?;
            return Ok(whole.into_all().collect());
        };
        for place in divisions.places(span) {
            let mut part = Sum::default();
            let is_whole = place.first_ms >= span.from_ms && place.end_ms() <= span.to_ms;
            let kept = is_whole
                .then(|| divisions.parts.get(place, &slice.groups))
                .flatten();
            match kept {
                Some(kept) => kept
                    .into_iter()
                    .for_each(|(group, sketch)| part.add(group, sketch)),
                None => divisions.merge(tree, name, &within(slice, place, span), &mut part)?,
            }
            part.into_all()
                .for_each(|(group, sketch)| whole.add(group, sketch));
        }
        Ok(whole.into_all().collect())
    }

    /// Merges and keeps the first part from `from_ms` on that a slice needs whole and that is not kept
    /// yet; gives its end. None when nothing more is to be kept.
    pub(crate) fn keep_next(
        &mut self,
        tree: &Tree,
        name: &str,
        slice: &Slice,
        from_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let (Some(span), Some(divisions)) = (slice.windows, self.sketches.get_mut(name)) else {
            return Ok(None);
        };
        let rest = WindowSpan { from_ms, ..span };
        let changing = divisions.changing();
        for place in divisions.places(rest) {
            let is_whole = place.first_ms >= from_ms && place.end_ms() <= span.to_ms;
            if !is_whole {
                continue;
            }
            let was_kept = divisions.parts.has(place, &slice.groups);
            self.shelf.served(was_kept);
            if was_kept || changing.contains(&place) {
                continue;
            }
            let is_kept = divisions.keep(&self.shelf, tree, name, slice, place)?;
            return Ok(is_kept.then(|| place.end_ms()));
        }
        Ok(None)
    }
}

impl Divisions {
    /// The parts that windows of a span lie in, in the order of time.
    fn places(&self, span: WindowSpan) -> Vec<Place> {
        let mut places: Vec<Place> = self.index.windows(span).map(Place::of).collect();
        places.dedup();
        places
    }

    /// Parts with a window that has changed since its base was written.
    fn changing(&self) -> BTreeSet<Place> {
        let warm = self.warm.keys().filter_map(|series| series.window);
        warm.map(Place::of).collect()
    }

    fn keep(
        &mut self,
        shelf: &Arc<Shelf>,
        tree: &Tree,
        name: &str,
        slice: &Slice,
        place: Place,
    ) -> Result<bool, StoreError> {
        let whole = WindowSpan {
            length_ms: place.length_ms,
            from_ms: place.first_ms,
            to_ms: place.end_ms(),
        };
        let mut part = Sum::default();
        self.merge(tree, name, &within(slice, place, whole), &mut part)?;
        Ok(part.unlike.is_empty() && self.parts.keep(shelf, place, &slice.groups, part.groups.iter()))
    }

    /// Adds the series that a slice takes.
    fn merge(&self, tree: &Tree, name: &str, slice: &Slice, sum: &mut Sum) -> Result<(), StoreError> {
        for series in self.index.of(slice) {
            let sketch = match self.warm.get(&series) {
                Some(sketch) => Some(sketch.clone()),
                None => read(tree, &keys::series(name, &series))?,
            };
            let Some(sketch) = sketch else { continue };
            sum.add(group_of(slice, series), sketch);
        }
        Ok(())
    }
}

fn group_of(slice: &Slice, series: Series) -> Option<Group> {
    match slice.groups {
        Groups::Together => None,
        Groups::Each | Groups::One(_) => series.group,
    }
}

/// What of a slice lies in a part and in a span.
fn within(slice: &Slice, place: Place, span: WindowSpan) -> Slice {
    Slice {
        windows: Some(WindowSpan {
            length_ms: span.length_ms,
            from_ms: span.from_ms.max(place.first_ms),
            to_ms: span.to_ms.min(place.end_ms()),
        }),
        groups: slice.groups.clone(),
    }
}
