//! Accuracy watched: a share of a sketch's series is followed (its windows, its groups, the partitions of all
//! time). Their exact answers are kept too, and the sketch is held against them.
//!
//! The exact answers live in memory, beside the partition, and are fed by what its commits change. A
//! series is followed from its first update or not at all: one that this engine did not see begin is
//! passed over, because the counts of both do not agree. So a restart, or another owner, means that
//! what had begun before is no longer watched; the windows that begin after it are.
//!
//! A hash of the series' name under the tenant's seed draws what is followed. So it is the same at every run,
//! and no publisher can foresee it. The state store may put an update elsewhere than its record says: the
//! group is beyond the last one, or there is no room for the window. Then the counts differ, and the series
//! is let go. So a breach is an error of the sketch, and never one of what is compared.
//!
//! Bounds: [`MOST_FOLLOWED`] series of a partition, each of a few thousand values (see
//! [`tailrace_sketch::Exact`]), [`MOST_ENTRIES`] of all together. A comparison reads the series from the
//! state store; each is compared when it has grown twofold, and when its window is over, so that comparing
//! costs a logarithm of what it took in.
//!
//! Why: docs/decisions/0049-accuracy-is-watched-in-memory.md

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tailrace_core::{
    delta::{Delta, Measured, Placed},
    name::Name,
    ports::store::{PartitionStore, StoreError},
    series::{Groups, RangeQuery, Series, Window, WindowSpan},
};
use tailrace_sketch::{Comparison, Exact, Kind, Sketch, Update, hash_item};

use crate::plan::Watched;

/// Most series that a partition follows.
const MOST_FOLLOWED: usize = 64;
/// Most entries of all exact answers of a partition: 3 MB or so.
const MOST_ENTRIES: usize = 100_000;
/// Series of a sketch that are known, followed or passed over; beyond that the latter are forgotten.
const MOST_PASSED: usize = 1_000;
/// Updates before a series is compared first.
const FIRST_COMPARISON: u64 = 32;

/// What a partition follows.
#[derive(Default)]
pub struct Accuracy {
    sketches: BTreeMap<Name, Known>,
}

struct Followed {
    exact: Exact,
    /// Count from which on it is compared.
    due: u64,
}

/// The series of a sketch that came by; none stands for one that is passed over.
type Known = BTreeMap<Series, Option<Followed>>;

impl Accuracy {
    /// After a commit of a partition was applied: takes in what it changed, and compares what is due
    /// with what `read` gives.
    pub fn follow(
        &mut self,
        partition: u32,
        watched: &[Watched],
        delta: &Delta,
        read: impl Fn(&str, &Series) -> Result<Option<Sketch>, StoreError>,
    ) -> Result<Vec<(Name, Comparison)>, StoreError> {
        let mut compared = Vec::new();
        self.sketches
            .retain(|name, _| watched.iter().any(|watched| watched.name == *name));
        for watched in watched {
            let name = watched.name.as_str();
            let measured = delta.measured.get(name);
            let plain = delta.sketches.get(name);
            if measured.is_none() && plain.is_none() {
                continue;
            }
            self.take_all(partition, watched, plain.map_or(&[], Vec::as_slice), measured);
            let clock_ms = measured.map_or(0, |measured| measured.clock_ms);
            if let Some(known) = self.sketches.get_mut(name) {
                let found = compare(known, clock_ms, |series| read(name, series))?;
                compared.extend(found.into_iter().map(|found| (watched.name.clone(), found)));
            }
        }
        Ok(compared)
    }

    fn take_all(&mut self, partition: u32, watched: &Watched, plain: &[Update], measured: Option<&Measured>) {
        let chooses = |series: &Series| {
            let text = format!("{}/{partition}/{series:?}", watched.name);
            (hash_item(watched.seed, &text) as f64) < watched.share * u64::MAX as f64
        };
        let mut room = Room::of(&self.sketches);
        let known = self.sketches.entry(watched.name.clone()).or_default();
        for update in plain {
            take(known, &mut room, watched.kind, Series::default(), update, chooses);
        }
        for placed in measured.iter().flat_map(|measured| &measured.updates) {
            for series in series_of(measured, placed) {
                take(known, &mut room, watched.kind, series, &placed.update, chooses);
            }
        }
    }
}

/// What may still be followed.
struct Room {
    series: usize,
    entries: usize,
}

impl Room {
    fn of(sketches: &BTreeMap<Name, Known>) -> Self {
        let followed = sketches.values().flat_map(BTreeMap::values).flatten();
        let (series, entries) = followed.fold((0, 0), |(series, entries), followed| {
            (series + 1, entries + followed.exact.entries())
        });
        Self {
            series: MOST_FOLLOWED.saturating_sub(series),
            entries: MOST_ENTRIES.saturating_sub(entries),
        }
    }
}

/// The series that an update went into.
fn series_of(measured: Option<&Measured>, placed: &Placed) -> impl Iterator<Item = Series> + use<> {
    let group = placed.group.clone();
    let rule = measured.and_then(|measured| measured.window);
    let start_ms = placed.window_start_ms.filter(|_| !placed.is_late);
    let window = rule.zip(start_ms).map(|(rule, start_ms)| Window {
        start_ms,
        length_ms: rule.length_ms,
    });
    let windows = std::iter::once(None).chain(window.map(Some));
    windows.map(move |window| Series {
        window,
        group: group.clone(),
    })
}

fn take(
    known: &mut Known,
    room: &mut Room,
    kind: Kind,
    series: Series,
    update: &Update,
    chooses: impl Fn(&Series) -> bool,
) {
    if known.len() >= MOST_PASSED && !known.contains_key(&series) {
        // Those that are chosen again lack what they missed, and are never compared.
        known.retain(|_, followed| followed.is_some());
    }
    let followed = known.entry(series).or_insert_with_key(|series| {
        let is_followed = room.series > 0 && chooses(series);
        room.series -= usize::from(is_followed);
        is_followed.then(|| Followed {
            exact: Exact::new(kind),
            due: FIRST_COMPARISON,
        })
    });
    let Some(following) = followed else { return };
    let before = following.exact.entries();
    let has_room = following.exact.take(update);
    let more = following.exact.entries() - before;
    if has_room && more <= room.entries {
        room.entries -= more;
    } else {
        *followed = None;
    }
}

/// Compares what has grown enough, and what is over; lets go of what cannot be compared.
fn compare(
    known: &mut Known,
    clock_ms: u64,
    read: impl Fn(&Series) -> Result<Option<Sketch>, StoreError>,
) -> Result<Vec<Comparison>, StoreError> {
    let mut compared = Vec::new();
    let mut over = Vec::new();
    for (series, entry) in known.iter_mut() {
        let end_ms = series
            .window
            .map(|window| window.start_ms.saturating_add(window.length_ms));
        let is_over = end_ms.is_some_and(|end_ms| end_ms <= clock_ms);
        if is_over {
            over.push(series.clone());
        }
        let Some(followed) = entry else { continue };
        let count = followed.exact.count();
        if count < followed.due && !is_over {
            continue;
        }
        let sketch = read(series)?;
        match sketch.and_then(|sketch| followed.exact.compare(&sketch)) {
            Some(comparison) => {
                followed.due = count.saturating_mul(2);
                compared.push(comparison);
            }
            None => *entry = None,
        }
    }
    for series in over {
        // Late events of the window find it passed over, or begin what is never compared.
        known.remove(&series);
    }
    Ok(compared)
}

/// A series of a sketch as a state store has it.
pub fn read(
    state_store: &dyn PartitionStore,
    name: &str,
    series: &Series,
) -> Result<Option<Sketch>, StoreError> {
    if *series == Series::default()
        && let Some(sketch) = state_store.sketch(name)?
    {
        return Ok(Some(sketch));
    }
    let span = |window: Window| WindowSpan {
        length_ms: window.length_ms,
        from_ms: window.start_ms,
        to_ms: window.start_ms.saturating_add(window.length_ms),
    };
    let slice = RangeQuery {
        windows: series.window.map(span),
        groups: series.group.clone().map_or(Groups::Together, Groups::One),
    };
    Ok(state_store
        .sketch_range(name, &slice)?
        .pop()
        .map(|(_, sketch)| sketch))
}
