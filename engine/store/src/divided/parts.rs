//! Merged parts of windowed sketches, kept for the next query: what [`PART_WINDOWS`] windows that lie
//! side by side come to. A query of a day of minutes reads 90 of them instead of 1,440 windows.
//!
//! Invariant: a part is kept only while none of its windows has changed since its base was written. It
//! goes with the first update of one of them, and when one of them does; so the commit that changes an
//! answer ends what was kept for it. Parts of before a restart are merged anew.
//!
//! They lie here encoded, so that what they weigh is known. All images of the process share one
//! [`Shelf`]; where it is full nothing more is kept, and as windows go, room comes back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tailrace_core::{
    ports::store::PartCounts,
    series::{Group, Groups, Window},
};
use tailrace_sketch::Sketch;

/// Windows of a part: so many series times groups are merged while a commit may wait, a few thousand at
/// most, which takes some tens of milliseconds.
const PART_WINDOWS: u64 = 16;
/// What all parts of the process may weigh: five thousand counts of different items.
const SHELF_BYTES: u64 = 64 << 20;
/// What those of one sketch of a partition may weigh: no sketch fills the shelf.
const SKETCH_BYTES: u64 = 2 << 20;
/// What a part weighs besides its sketches.
const OVERHEAD_BYTES: u64 = 200;

/// The room for parts, and how they serve.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    bytes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Shelf {
    /// What it came to so far.
    pub(crate) fn counts(&self) -> PartCounts {
        PartCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// A part was there, or had to be merged.
    pub(super) fn served(&self, was_kept: bool) {
        let counter = if was_kept { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn claim(self: &Arc<Self>, bytes: u64) -> Option<Claim> {
        let claim = Claim {
            shelf: self.clone(),
            bytes,
        };
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Where it did not fit, dropping the claim gives it back.
        (before.saturating_add(bytes) <= SHELF_BYTES).then_some(claim)
    }
}

/// A part's place on the shelf.
struct Claim {
    shelf: Arc<Shelf>,
    bytes: u64,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shelf.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Which windows a part is made up of: those of one length, from a border of parts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) first_ms: u64,
    pub(super) length_ms: u64,
}

impl Place {
    /// The part that a window lies in.
    pub(super) fn of(window: Window) -> Self {
        let part_ms = window.length_ms.max(1).saturating_mul(PART_WINDOWS);
        Self {
            first_ms: window.start_ms - window.start_ms % part_ms,
            length_ms: window.length_ms,
        }
    }

    /// The end, which belongs to the next part.
    pub(super) fn end_ms(self) -> u64 {
        let part_ms = self.length_ms.max(1).saturating_mul(PART_WINDOWS);
        self.first_ms.saturating_add(part_ms)
    }
}

/// The parts of one sketch.
#[derive(Default)]
pub(super) struct Parts {
    kept: BTreeMap<(Place, Groups), Part>,
    bytes: u64,
}

struct Part {
    groups: Vec<(Option<Group>, Vec<u8>)>,
    claim: Claim,
}

impl Parts {
    /// A part as it was kept.
    pub(super) fn get(&self, place: Place, groups: &Groups) -> Option<Vec<(Option<Group>, Sketch)>> {
        if self.kept.is_empty() {
            return None;
        }
        let part = self.kept.get(&(place, groups.clone()))?;
        let read =
            |(group, bytes): &(Option<Group>, Vec<u8>)| Some((group.clone(), Sketch::decode(bytes).ok()?));
        part.groups.iter().map(read).collect()
    }

    pub(super) fn has(&self, place: Place, groups: &Groups) -> bool {
        self.kept.contains_key(&(place, groups.clone()))
    }

    /// Keeps a part, where there is room; says whether there was.
    pub(super) fn keep<'a>(
        &mut self,
        shelf: &Arc<Shelf>,
        place: Place,
        groups: &Groups,
        merged: impl Iterator<Item = (&'a Option<Group>, &'a Sketch)>,
    ) -> bool {
        let merged: Vec<_> = merged
            .map(|(group, sketch)| (group.clone(), sketch.encode()))
            .collect();
        let bytes = merged
            .iter()
            .map(|(_, sketch)| sketch.len() as u64 + OVERHEAD_BYTES)
            .sum();
        // The oldest windows are those that go first.
        while self.bytes.saturating_add(bytes) > SKETCH_BYTES
            && self
                .kept
                .first_key_value()
                .is_some_and(|((oldest, _), _)| *oldest < place)
        {
            let oldest = self.kept.pop_first();
            self.bytes -= oldest.map_or(0, |(_, part)| part.claim.bytes);
        }
        if self.bytes.saturating_add(bytes) > SKETCH_BYTES {
            return false;
        }
        let Some(claim) = shelf.claim(bytes) else {
            return false;
        };
        self.bytes += bytes;
        let part = Part {
            groups: merged,
            claim,
        };
        if let Some(before) = self.kept.insert((place, groups.clone()), part) {
            self.bytes -= before.claim.bytes;
        }
        true
    }

    /// A window changes or goes: what it is part of is merged anew.
    pub(super) fn forget(&mut self, window: Window) {
        if self.kept.is_empty() {
            return;
        }
        let place = Place::of(window);
        // The least of all groups, so that the range begins with the first part of that place.
        let of_place = self.kept.range((place, Groups::Together)..);
        let of_place = of_place.take_while(|((other, _), _)| *other == place);
        let keys: Vec<_> = of_place.map(|(key, _)| key.clone()).collect();
        for key in keys {
            let gone = self.kept.remove(&key);
            self.bytes -= gone.map_or(0, |part| part.claim.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use tailrace_sketch::{Kind, SketchConfig, TenantSeed, Update};

    use super::*;

    const MINUTE_MS: u64 = 60_000;

    fn window(minute: u64) -> Window {
        Window {
            start_ms: minute * MINUTE_MS,
            length_ms: MINUTE_MS,
        }
    }

    fn sketch(values: u32) -> Sketch {
        let config = SketchConfig {
            kind: Kind::Distinct,
            size: None,
        };
        let mut sketch = Sketch::new(&config, TenantSeed::new(1, 2));
        for value in 0..values {
            let hash = u64::from(value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            sketch.apply(&Update::Distinct(hash)).unwrap();
        }
        sketch
    }

    fn keep(parts: &mut Parts, shelf: &Arc<Shelf>, minute: u64, groups: &Groups, values: u32) -> bool {
        let (group, sketch) = (None, sketch(values));
        parts.keep(
            shelf,
            Place::of(window(minute)),
            groups,
            std::iter::once((&group, &sketch)),
        )
    }

    #[test]
    fn a_part_lies_on_borders_that_do_not_depend_on_what_is_asked() {
        assert_eq!(Place::of(window(31)), Place::of(window(16)));
        assert_ne!(Place::of(window(31)), Place::of(window(32)));
        assert_eq!(Place::of(window(31)).end_ms(), 32 * MINUTE_MS);
        let last = Window {
            start_ms: u64::MAX - u64::MAX % MINUTE_MS,
            length_ms: MINUTE_MS,
        };
        assert_eq!(Place::of(last).end_ms(), u64::MAX);
    }

    #[test]
    fn a_window_that_changes_ends_what_it_is_part_of_and_nothing_else() {
        let (mut parts, shelf) = (Parts::default(), Arc::new(Shelf::default()));
        for groups in [Groups::Together, Groups::Each] {
            for minute in [0, 16, 32] {
                assert!(keep(&mut parts, &shelf, minute, &groups, 10));
            }
        }
        parts.forget(window(17));
        let has = |minute, groups| parts.has(Place::of(window(minute)), &groups);
        assert!(has(0, Groups::Together) && has(0, Groups::Each) && has(32, Groups::Each));
        assert!(!has(16, Groups::Together) && !has(16, Groups::Each));
        let found = parts.get(Place::of(window(5)), &Groups::Together).unwrap();
        assert_eq!((found.len(), found[0].1.count()), (1, 10));
    }

    #[test]
    fn a_sketch_keeps_the_newest_within_its_bound_and_gives_all_room_back() {
        let (mut parts, shelf) = (Parts::default(), Arc::new(Shelf::default()));
        for part in 0..400 {
            keep(&mut parts, &shelf, part * PART_WINDOWS, &Groups::Together, 30_000);
            assert!(parts.bytes <= SKETCH_BYTES && shelf.counts().bytes == parts.bytes);
        }
        assert!(parts.has(Place::of(window(399 * PART_WINDOWS)), &Groups::Together));
        assert!(!parts.has(Place::of(window(0)), &Groups::Together));
        assert!(
            !keep(&mut parts, &shelf, 0, &Groups::Together, 30_000),
            "older than all"
        );
        drop(parts);
        assert_eq!(shelf.counts().bytes, 0);
    }

    #[test]
    fn a_full_shelf_takes_nothing_more() {
        let shelf = Arc::new(Shelf::default());
        let claim = shelf.claim(SHELF_BYTES - 100).unwrap();
        let mut parts = Parts::default();
        assert!(!keep(&mut parts, &shelf, 0, &Groups::Together, 10));
        assert_eq!((parts.bytes, shelf.counts().bytes), (0, SHELF_BYTES - 100));
        drop(claim);
        assert!(keep(&mut parts, &shelf, 0, &Groups::Together, 10));
    }
}
