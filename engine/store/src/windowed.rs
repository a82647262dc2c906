//! Windowed and grouped sketches of a partition (see `tailrace_core::series`).
//!
//! Each series lies on disk as a base of its own, and what came since as updates by commit, like the
//! sketches that are not windowed. In memory are the series that have changed since their bases were
//! written, and the names of all; windows that nothing is added to lie on disk only, so that a day of
//! minutes takes no memory. An event costs one update for all time and one for its window.
//!
//! Everything here is a function of the commits in their order, also across restarts: bases that were
//! deleted by a commit whose predecessors are replayed come and go again in memory alone.

mod index;
pub(crate) mod part_cache;
mod range_query;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sled::Tree;
use tailrace_core::{
    delta::{Delta, Measured, Placed},
    ports::store::StoreError,
    series::{Held, Series, Window, WindowRule},
};
use tailrace_sketch::{Sketch, SketchConfig, TenantSeed};

use self::{
    index::{Room, SeriesIndex},
    part_cache::{PartCache, Parts},
};
use crate::{
    commit::Commit,
    keys,
    sketches::{FOLD_EVERY, apply_one, fresh},
    value::{damaged, failed, open, open_bytes, seal, seal_bytes},
    writes::Writes,
};

/// Series in memory at which they are written out before their time: some megabytes of usual ones.
const MAX_WARM: usize = 2_000;
/// Windows of a sketch that go with one commit, so that a leap of the clock is spread over many.
const MAX_GOING: usize = 200;

type AllMeasured = BTreeMap<String, Measured>;

/// The windowed sketches of a partition.
pub(crate) struct WindowedSketches {
    sketches: BTreeMap<String, WindowedSketch>,
    /// Commits whose updates are on disk.
    logged: Vec<u64>,
    /// Keys of bases to delete and to write with the next commit.
    to_delete: BTreeSet<Vec<u8>>,
    to_create: BTreeMap<Vec<u8>, Vec<u8>>,
    declared: BTreeMap<String, SketchConfig>,
    seed: TenantSeed,
    part_cache: Arc<PartCache>,
}

/// One sketch.
#[derive(Default)]
struct WindowedSketch {
    index: SeriesIndex,
    /// Series that have changed since their bases were written.
    warm: BTreeMap<Series, Sketch>,
    /// What queries merged, of windows that have not.
    parts: Parts,
    /// The window and group rules of the last commit.
    rules: (Option<WindowRule>, u32),
}

impl WindowedSketches {
    /// What the bases say, with the updates since, up to a commit.
    pub(crate) fn load(
        tree: &Tree,
        last: u64,
        declared: BTreeMap<String, SketchConfig>,
        seed: TenantSeed,
        part_cache: Arc<PartCache>,
    ) -> Result<Self, StoreError> {
        let mut windowed = Self {
            sketches: BTreeMap::new(),
            logged: Vec::new(),
            to_delete: BTreeSet::new(),
            to_create: BTreeMap::new(),
            declared,
            seed,
            part_cache,
        };
        for entry in tree.scan_prefix(keys::ALL_SERIES) {
            let (key, _) = entry.map_err(|cause| failed(&cause))?;
            let (name, series) = parse(&key)?;
            windowed.sketches.entry(name).or_default().index.add(&series);
        }
        for entry in tree.scan_prefix(keys::ALL_CLOCKS) {
            let (key, sealed) = entry.map_err(|cause| failed(&cause))?;
            let name = keys::rest(&key, 1).ok_or_else(|| damaged("a sketch's name is not text"))?;
            windowed.sketches.entry(name).or_default().index.told = open(&sealed)?;
        }
        for entry in tree.scan_prefix(keys::ALL_MEASURED) {
            let (key, sealed) = entry.map_err(|cause| failed(&cause))?;
            let Some(commit) = keys::commit_of(&key).filter(|commit| *commit <= last) else {
                continue;
            };
            let measured: AllMeasured = open(&sealed)?;
            windowed.absorb(tree, &measured)?;
            windowed.logged.push(commit);
        }
        Ok(windowed)
    }

    pub(crate) fn declare(&mut self, declared: BTreeMap<String, SketchConfig>, seed: TenantSeed) {
        (self.declared, self.seed) = (declared, seed);
    }

    /// After an import: other sketches, the same declarations.
    pub(crate) fn reload(&mut self, tree: &Tree, last: u64) -> Result<(), StoreError> {
        let declared = std::mem::take(&mut self.declared);
        *self = Self::load(tree, last, declared, self.seed, self.part_cache.clone())?;
        Ok(())
    }

    /// Takes a commit of this number in, and adds to it what it changes on disk. An error leaves this and the
    /// disk apart; whoever meets one opens the store anew. Gives the keys of all bases that it changes.
    pub(crate) fn add(
        &mut self,
        tree: &Tree,
        delta: &Delta,
        number: u64,
        commit: &mut Commit,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut changed = Vec::new();
        let other_rules = self.takes_rules(&delta.measured);
        if !delta.measured.is_empty() {
            self.absorb(tree, &delta.measured)?;
            let updates = seal(&delta.measured);
            commit.updates.insert(keys::measured(number), updates);
            self.logged.push(number);
        }
        for (key, base) in std::mem::take(&mut self.to_create) {
            changed.push(key.clone());
            commit.together.insert(key, base);
        }
        for key in std::mem::take(&mut self.to_delete) {
            changed.push(key.clone());
            commit.together.remove(key);
        }
        let is_due = self
            .logged
            .first()
            .is_some_and(|first| number - first >= FOLD_EVERY);
        if is_due || other_rules || self.warm() > MAX_WARM {
            self.fold(&mut commit.together, &mut changed);
        }
        Ok(changed)
    }

    /// Whether these commit by other rules than the last. Then nothing of before may be replayed: what there
    /// is now, groups and windows, would follow the new ones.
    fn takes_rules(&mut self, all: &AllMeasured) -> bool {
        let mut changed = false;
        for (name, measured) in all {
            let rules = (measured.window, measured.most_groups);
            let sketch_series = self.sketches.entry(name.clone()).or_default();
            changed |= std::mem::replace(&mut sketch_series.rules, rules) != rules;
        }
        changed
    }

    /// Bases as they are now, of all that have changed since theirs were written.
    pub(crate) fn warm_bases(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut bases = BTreeMap::new();
        for (name, sketch_series) in &self.sketches {
            for (series, sketch) in &sketch_series.warm {
                bases.insert(keys::series(name, series), seal_bytes(&sketch.encode()));
            }
            if sketch_series.index.told != Held::default() {
                bases.insert(keys::clock(name), seal(&sketch_series.index.told));
            }
        }
        bases
    }

    fn warm(&self) -> usize {
        self.sketches
            .values()
            .map(|sketch_series| sketch_series.warm.len())
            .sum()
    }

    /// Writes every changed series whole, deletes the updates, and lets go of what is on disk now.
    fn fold(&mut self, together: &mut Writes, changed: &mut Vec<Vec<u8>>) {
        for (key, base) in self.warm_bases() {
            changed.push(key.clone());
            together.insert(key, base);
        }
        for sketch_series in self.sketches.values_mut() {
            sketch_series.warm.clear();
        }
        for commit in self.logged.drain(..) {
            together.remove(keys::measured(commit));
        }
    }

    fn absorb(&mut self, tree: &Tree, all: &AllMeasured) -> Result<(), StoreError> {
        for (name, measured) in all {
            let whole_before = self.held(name).map(|held| held.whole_from_ms);
            for placed in &measured.updates {
                self.add_update(tree, name, measured, placed)?;
            }
            self.tell(name, measured);
            if self.held(name).map(|held| held.whole_from_ms) != whole_before {
                // Written at once: a replay cannot see what is no longer on disk to be dropped.
                let told = self
                    .sketches
                    .get(name)
                    .map(|sketch_series| sketch_series.index.told);
                self.to_create
                    .extend(told.map(|told| (keys::clock(name), seal(&told))));
            }
        }
        Ok(())
    }

    /// Adds an update to all time and to its window.
    fn add_update(
        &mut self,
        tree: &Tree,
        name: &str,
        measured: &Measured,
        placed: &Placed,
    ) -> Result<(), StoreError> {
        let index = &mut self.sketches.entry(name.to_owned()).or_default().index;
        let group = index.group(placed.group.as_ref(), measured.most_groups as usize);
        let all_time = Series {
            window: None,
            group: group.clone(),
        };
        self.update(tree, name, all_time, placed)?;
        let (Some(rule), Some(start_ms)) = (measured.window, placed.window_start_ms) else {
            return Ok(());
        };
        let window = Window {
            start_ms,
            length_ms: rule.length_ms,
        };
        let index = &mut self.sketches.entry(name.to_owned()).or_default().index;
        let most = usize::try_from(rule.most_windows()).unwrap_or(usize::MAX);
        let room = index.room_for(start_ms, most);
        if placed.is_late || matches!(room, Room::None) {
            index.lack(start_ms.saturating_add(rule.length_ms));
            return Ok(());
        }
        if let Room::Instead(oldest_ms) = room {
            self.drop_window(name, oldest_ms);
        }
        let series = Series {
            window: Some(window),
            group,
        };
        self.update(tree, name, series, placed)
    }

    fn update(&mut self, tree: &Tree, name: &str, series: Series, placed: &Placed) -> Result<(), StoreError> {
        let (config, seed) = (self.declared.get(name).copied(), self.seed);
        let Some(sketch_series) = self.sketches.get_mut(name) else {
            return Ok(());
        };
        if let Some(sketch) = sketch_series.warm.get_mut(&series) {
            apply_one(sketch, &placed.update);
            return Ok(());
        }
        if let Some(window) = series.window {
            sketch_series.parts.forget(window);
        }
        let key = keys::series(name, &series);
        let base = if self.to_delete.contains(&key) {
            None
        } else {
            read(tree, &key)?
        };
        let mut sketch = if let Some(sketch) = base {
            sketch
        } else {
            let empty = fresh(config, &placed.update, seed);
            // A base comes first, so that what is on disk names every series.
            self.to_create.insert(key.clone(), seal_bytes(&empty.encode()));
            self.to_delete.remove(&key);
            empty
        };
        apply_one(&mut sketch, &placed.update);
        sketch_series.index.add(&series);
        sketch_series.warm.insert(series, sketch);
        Ok(())
    }

    /// The clock moved on: windows that end go, some with each commit.
    fn tell(&mut self, name: &str, measured: &Measured) {
        let Some(rule) = measured.window else { return };
        let Some(sketch_series) = self.sketches.get_mut(name) else {
            return;
        };
        let index = &mut sketch_series.index;
        if index.told == Held::default() {
            self.to_create.insert(keys::clock(name), seal(&index.told));
        }
        index.told.clock_ms = measured.clock_ms;
        let floor_ms = rule.floor(measured.clock_ms);
        for start_ms in index.before(floor_ms, MAX_GOING) {
            self.drop_window(name, start_ms);
        }
    }

    fn drop_window(&mut self, name: &str, start_ms: u64) {
        let Some(sketch_series) = self.sketches.get_mut(name) else {
            return;
        };
        for series in sketch_series.index.remove(start_ms) {
            if let Some(window) = series.window {
                sketch_series.parts.forget(window);
            }
            let key = keys::series(name, &series);
            sketch_series.warm.remove(&series);
            self.to_create.remove(&key);
            self.to_delete.insert(key);
        }
    }

    pub(crate) fn held(&self, name: &str) -> Option<Held> {
        self.sketches
            .get(name)
            .map(|sketch_series| sketch_series.index.held())
    }

    /// Every series with its sketch, in a fixed order.
    pub(crate) fn visit(&self, tree: &Tree, mut seen: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        for (name, sketch_series) in &self.sketches {
            for series in sketch_series.index.all() {
                let key = keys::series(name, &series);
                let sketch = match sketch_series.warm.get(&series) {
                    Some(sketch) => Some(sketch.clone()),
                    None => read(tree, &key)?,
                };
                if let Some(sketch) = sketch {
                    seen(&key, &sketch.encode());
                }
            }
        }
        Ok(())
    }
}

fn read(tree: &Tree, key: &[u8]) -> Result<Option<Sketch>, StoreError> {
    let sealed = tree.get(key).map_err(|cause| failed(&cause))?;
    let decoded = sealed.map(|sealed| {
        let bytes = open_bytes(&sealed)?;
        Sketch::decode(bytes).map_err(|cause| damaged(&cause.to_string()))
    });
    decoded.transpose()
}

fn parse(key: &[u8]) -> Result<(String, Series), StoreError> {
    keys::parse_series(key).ok_or_else(|| damaged("the name of a part of a sketch cannot be read"))
}
