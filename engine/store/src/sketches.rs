//! Sketches of a partition: in memory as they are, on disk as a base and the updates since.
//!
//! A dense HyperLogLog is 12 KiB; writing every sketch with every commit would cost more than the
//! state. So a commit appends its updates, and every [`FOLD_EVERY`] commits the sketches that changed
//! are written whole and the updates go, together (see [`crate::commit`]).
//!
//! Why: docs/decisions/0047-sketches-as-base-and-log.md

use std::collections::{BTreeMap, BTreeSet};

use sled::Tree;
use tailrace_core::{
    delta::Delta,
    manifest::{PipelineManifest, SketchManifest},
    name::Name,
    ports::store::StoreError,
};
use tailrace_sketch::{Kind, Sketch, SketchConfig, TenantSeed, Update};

use crate::{
    commit::Commit,
    keys,
    value::{damaged, failed, open, open_bytes, seal, seal_bytes},
    writes::Writes,
};

/// Commits between two folds: a fold writes some tens of kilobytes, the updates of a commit one or two.
pub(crate) const FOLD_EVERY: u64 = 64;

type Updates = BTreeMap<String, Vec<Update>>;

/// All sketches of a partition.
pub(crate) struct Sketches {
    current: BTreeMap<String, Sketch>,
    /// Changed since their bases were written.
    changed: BTreeSet<String>,
    /// Commits whose updates are on disk.
    logged: Vec<u64>,
    declared: BTreeMap<String, SketchConfig>,
    seed: TenantSeed,
}

/// What a commit changes, to be taken over once it is stored.
pub(crate) struct Change {
    sketches: BTreeMap<String, Sketch>,
    folded: bool,
    logged: Option<u64>,
}

impl Sketches {
    /// Bases, with the updates since, up to a commit.
    pub(crate) fn load(tree: &Tree, last: u64) -> Result<Self, StoreError> {
        let mut sketches = Self {
            current: BTreeMap::new(),
            changed: BTreeSet::new(),
            logged: Vec::new(),
            declared: BTreeMap::new(),
            seed: TenantSeed::new(0, 0),
        };
        for entry in tree.scan_prefix(keys::SKETCHES) {
            let (key, sealed) = entry.map_err(|cause| failed(&cause))?;
            let name = keys::rest(&key, keys::SKETCHES.len())
                .ok_or_else(|| damaged("a sketch's name is not text"))?;
            let sketch = Sketch::decode(open_bytes(&sealed)?).map_err(|cause| damaged(&cause.to_string()))?;
            sketches.current.insert(name, sketch);
        }
        for entry in tree.scan_prefix(keys::ALL_UPDATES) {
            let (key, sealed) = entry.map_err(|cause| failed(&cause))?;
            let Some(commit) = keys::commit_of(&key).filter(|commit| *commit <= last) else {
                continue;
            };
            let updates: Updates = open(&sealed)?;
            for (name, updates) in &updates {
                let sketch = sketches
                    .current
                    .get_mut(name)
                    .ok_or_else(|| damaged("a sketch has no base"))?;
                apply(sketch, updates);
                sketches.changed.insert(name.clone());
            }
            sketches.logged.push(commit);
        }
        Ok(sketches)
    }

    pub(crate) fn declare(&mut self, manifest: &PipelineManifest, seed: TenantSeed) {
        self.seed = seed;
        self.declared.extend(configs(manifest));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Sketch> {
        self.current.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Sketch)> {
        self.current.iter()
    }

    /// Adds what a commit of this number changes to it.
    pub(crate) fn add(&self, delta: &Delta, number: u64, commit: &mut Commit) -> Change {
        let mut change = Change {
            sketches: BTreeMap::new(),
            folded: false,
            logged: None,
        };
        for (name, updates) in &delta.sketches {
            let base = self.current.get(name).cloned();
            if base.is_none() {
                // The base comes first, so that the updates always find one.
                let empty = self.fresh(name, updates).encode();
                commit.updates.insert(keys::sketch(name), seal_bytes(&empty));
            }
            let mut sketch = base.unwrap_or_else(|| self.fresh(name, updates));
            apply(&mut sketch, updates);
            change.sketches.insert(name.clone(), sketch);
        }
        let due = self
            .logged
            .first()
            .is_some_and(|first| number - first >= FOLD_EVERY);
        if due {
            self.fold(&change.sketches, &mut commit.together);
            change.folded = true;
        } else if !delta.sketches.is_empty() {
            let updates = seal(&delta.sketches);
            commit.updates.insert(keys::updates(number), updates);
            change.logged = Some(number);
        }
        change
    }

    /// Writes every changed sketch whole, and deletes the updates.
    fn fold(&self, newest: &BTreeMap<String, Sketch>, together: &mut Writes) {
        for name in self.changed.iter().chain(newest.keys()) {
            if let Some(sketch) = newest.get(name).or_else(|| self.current.get(name)) {
                together.insert(keys::sketch(name), seal_bytes(&sketch.encode()));
            }
        }
        for commit in &self.logged {
            together.remove(keys::updates(*commit));
        }
    }

    /// The commit is stored.
    pub(crate) fn commit(&mut self, change: Change) {
        if change.folded {
            self.changed.clear();
            self.logged.clear();
        } else {
            self.changed.extend(change.sketches.keys().cloned());
            self.logged.extend(change.logged);
        }
        self.current.extend(change.sketches);
    }

    /// After an import: other sketches, the same declarations.
    pub(crate) fn replace(&mut self, loaded: Self) {
        let Self {
            current,
            changed,
            logged,
            ..
        } = loaded;
        (self.current, self.changed, self.logged) = (current, changed, logged);
    }

    /// An empty sketch for these updates.
    fn fresh(&self, name: &str, updates: &[Update]) -> Sketch {
        let first = updates.first().unwrap_or(&Update::Observe(0.0));
        fresh(self.declared.get(name).copied(), first, self.seed)
    }
}

/// How the sketches of a pipeline are made.
pub(crate) fn configs(manifest: &PipelineManifest) -> BTreeMap<String, SketchConfig> {
    let config = |(name, sketch): (&Name, &SketchManifest)| (name.to_string(), sketch.config());
    manifest.sketches.iter().map(config).collect()
}

/// An empty sketch as it was declared; one that no longer is, as its first update shows it.
pub(crate) fn fresh(declared: Option<SketchConfig>, first: &Update, seed: TenantSeed) -> Sketch {
    let shown = SketchConfig {
        kind: kind_of(first),
        size: None,
    };
    Sketch::new(&declared.unwrap_or(shown), seed)
}

fn apply(sketch: &mut Sketch, updates: &[Update]) {
    for update in updates {
        apply_one(sketch, update);
    }
}

pub(crate) fn apply_one(sketch: &mut Sketch, update: &Update) {
    if let Err(cause) = sketch.apply(update) {
        // Updates are checked before they are committed; one that a changed declaration no longer
        // fits changes nothing, here and at every replay.
        tracing::warn!(%cause, "an update of a sketch is left out");
    }
}

fn kind_of(update: &Update) -> Kind {
    match update {
        Update::Observe(_) => Kind::Quantiles,
        Update::Distinct(_) => Kind::Distinct,
        Update::Count { .. } => Kind::Top,
        Update::Seen(_) => Kind::Seen,
        Update::Sample(_) | Update::Draw { .. } => Kind::Sample,
    }
}
