//! Range queries of a windowed sketch, merged: windows into the parts that they lie in
//! ([`super::part_cache`]), parts into the answer. It is always done in these two steps, kept parts or none,
//! so that the same content gives the same answer to the last digit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sled::Tree;
use tailrace_core::{
    ports::store::StoreError,
    series::{Group, Groups, RangeQuery, Series, WindowSpan},
};
use tailrace_sketch::Sketch;

use super::{
    WindowedSketch, WindowedSketches,
    part_cache::{PartCache, PartKey},
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

impl WindowedSketches {
    /// The series of a range query, merged in the order of time.
    pub(crate) fn slice(
        &self,
        tree: &Tree,
        name: &str,
        slice: &RangeQuery,
    ) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        let Some(sketch_series) = self.sketches.get(name) else {
            return Ok(Vec::new());
        };
        let mut whole = Sum::default();
        let Some(span) = slice.windows else {
            sketch_series.merge(tree, name, slice, &mut whole)?;
            return Ok(whole.into_all().collect());
        };
        for part_key in sketch_series.part_keys(span) {
            let mut part = Sum::default();
            let is_whole = part_key.first_ms >= span.from_ms && part_key.end_ms() <= span.to_ms;
            let kept = is_whole
                .then(|| sketch_series.parts.get(part_key, &slice.groups))
                .flatten();
            match kept {
                Some(kept) => kept
                    .into_iter()
                    .for_each(|(group, sketch)| part.add(group, sketch)),
                None => sketch_series.merge(tree, name, &within(slice, part_key, span), &mut part)?,
            }
            part.into_all()
                .for_each(|(group, sketch)| whole.add(group, sketch));
        }
        Ok(whole.into_all().collect())
    }

    /// Merges and keeps the first part from `from_ms` on that a range query needs whole and that is not kept
    /// yet; gives its end. None when nothing more is to be kept.
    pub(crate) fn keep_next(
        &mut self,
        tree: &Tree,
        name: &str,
        slice: &RangeQuery,
        from_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let (Some(span), Some(sketch_series)) = (slice.windows, self.sketches.get_mut(name)) else {
            return Ok(None);
        };
        let rest = WindowSpan { from_ms, ..span };
        let changing = sketch_series.changing();
        for part_key in sketch_series.part_keys(rest) {
            let is_whole = part_key.first_ms >= from_ms && part_key.end_ms() <= span.to_ms;
            if !is_whole {
                continue;
            }
            let was_kept = sketch_series.parts.has(part_key, &slice.groups);
            self.part_cache.served(was_kept);
            if was_kept || changing.contains(&part_key) {
                continue;
            }
            let is_kept = sketch_series.keep(&self.part_cache, tree, name, slice, part_key)?;
            return Ok(is_kept.then(|| part_key.end_ms()));
        }
        Ok(None)
    }
}

impl WindowedSketch {
    /// The parts that windows of a span lie in, in the order of time.
    fn part_keys(&self, span: WindowSpan) -> Vec<PartKey> {
        let mut part_keys: Vec<PartKey> = self.index.windows(span).map(PartKey::of).collect();
        part_keys.dedup();
        part_keys
    }

    /// Parts with a window that has changed since its base was written.
    fn changing(&self) -> BTreeSet<PartKey> {
        let warm = self.warm.keys().filter_map(|series| series.window);
        warm.map(PartKey::of).collect()
    }

    fn keep(
        &mut self,
        part_cache: &Arc<PartCache>,
        tree: &Tree,
        name: &str,
        slice: &RangeQuery,
        part_key: PartKey,
    ) -> Result<bool, StoreError> {
        let whole = WindowSpan {
            length_ms: part_key.length_ms,
            from_ms: part_key.first_ms,
            to_ms: part_key.end_ms(),
        };
        let mut part = Sum::default();
        self.merge(tree, name, &within(slice, part_key, whole), &mut part)?;
        Ok(part.unlike.is_empty()
            && self
                .parts
                .keep(part_cache, part_key, &slice.groups, part.groups.iter()))
    }

    /// Adds the series of a range query.
    fn merge(&self, tree: &Tree, name: &str, slice: &RangeQuery, sum: &mut Sum) -> Result<(), StoreError> {
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

fn group_of(slice: &RangeQuery, series: Series) -> Option<Group> {
    match slice.groups {
        Groups::Together => None,
        Groups::Each | Groups::One(_) => series.group,
    }
}

/// What of a range query lies in a part and in a span.
fn within(slice: &RangeQuery, part_key: PartKey, span: WindowSpan) -> RangeQuery {
    RangeQuery {
        windows: Some(WindowSpan {
            length_ms: span.length_ms,
            from_ms: span.from_ms.max(part_key.first_ms),
            to_ms: span.to_ms.min(part_key.end_ms()),
        }),
        groups: slice.groups.clone(),
    }
}
