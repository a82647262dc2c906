//! Merged parts of windowed sketches, kept for the next query: the sum of [`PART_WINDOWS`]
//! windows side by side. A query of a day of minutes reads 90 of them instead of 1,440 windows.
//!
//! Invariant: a part is kept only while none of its windows has changed since its base was written. It
//! goes with the first update of one of them, and when one of them does; so the commit that changes an
//! answer ends what was kept for it. Parts of before a restart are merged anew.
//!
//! They are kept encoded, so that their size is known. All stores of the process share one
//! [`PartCache`]; where it is full nothing more is kept, and as windows go, room comes back.
//!
//! Why: docs/decisions/0058-merged-windows-are-kept.md

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
/// Bound on the size of all parts of the process: five thousand counts of different items.
const CACHE_BYTES: u64 = 64 << 20;
/// Bound on those of one sketch of a partition: no sketch fills the cache.
const SKETCH_BYTES: u64 = 2 << 20;
/// What a part counts besides its sketches.
const OVERHEAD_BYTES: u64 = 200;

/// The cache of merged parts that all partitions share: its size and its counters.
#[derive(Debug, Default)]
pub(crate) struct PartCache {
    bytes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl PartCache {
    /// Its counters.
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
            part_cache: self.clone(),
            bytes,
        };
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Where it did not fit, dropping the claim gives it back.
        (before.saturating_add(bytes) <= CACHE_BYTES).then_some(claim)
    }
}

/// The bytes of one part in the cache.
struct Claim {
    part_cache: Arc<PartCache>,
    bytes: u64,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.part_cache.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Which windows a part is made up of: those of one length, from a border of parts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartKey {
    pub(super) first_ms: u64,
    pub(super) length_ms: u64,
}

impl PartKey {
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
    kept: BTreeMap<(PartKey, Groups), Part>,
    bytes: u64,
}

struct Part {
    groups: Vec<(Option<Group>, Vec<u8>)>,
    claim: Claim,
}

impl Parts {
    /// A part as it was kept.
    pub(super) fn get(&self, part_key: PartKey, groups: &Groups) -> Option<Vec<(Option<Group>, Sketch)>> {
        if self.kept.is_empty() {
            return None;
        }
        let part = self.kept.get(&(part_key, groups.clone()))?;
        let read =
            |(group, bytes): &(Option<Group>, Vec<u8>)| Some((group.clone(), Sketch::decode(bytes).ok()?));
        part.groups.iter().map(read).collect()
    }

    pub(super) fn has(&self, part_key: PartKey, groups: &Groups) -> bool {
        self.kept.contains_key(&(part_key, groups.clone()))
    }

    /// Keeps a part, where there is room; says whether there was.
    pub(super) fn keep<'a>(
        &mut self,
        part_cache: &Arc<PartCache>,
        part_key: PartKey,
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
                .is_some_and(|((oldest, _), _)| *oldest < part_key)
        {
            let oldest = self.kept.pop_first();
            self.bytes -= oldest.map_or(0, |(_, part)| part.claim.bytes);
        }
        if self.bytes.saturating_add(bytes) > SKETCH_BYTES {
            return false;
        }
        let Some(claim) = part_cache.claim(bytes) else {
            return false;
        };
        self.bytes += bytes;
        let part = Part {
            groups: merged,
            claim,
        };
        if let Some(before) = self.kept.insert((part_key, groups.clone()), part) {
            self.bytes -= before.claim.bytes;
        }
        true
    }

    /// A window changes or goes: what it is part of is merged anew.
    pub(super) fn forget(&mut self, window: Window) {
        if self.kept.is_empty() {
            return;
        }
        let part_key = PartKey::of(window);
        // The least of all groups, so that the range begins with the first part of that part_key.
        let of_place = self.kept.range((part_key, Groups::Together)..);
        let of_place = of_place.take_while(|((other, _), _)| *other == part_key);
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

    fn keep(
        parts: &mut Parts,
        part_cache: &Arc<PartCache>,
        minute: u64,
        groups: &Groups,
        values: u32,
    ) -> bool {
        let (group, sketch) = (None, sketch(values));
        parts.keep(
            part_cache,
            PartKey::of(window(minute)),
            groups,
            std::iter::once((&group, &sketch)),
        )
    }

    #[test]
    fn a_part_lies_on_borders_that_do_not_depend_on_what_is_asked() {
        assert_eq!(PartKey::of(window(31)), PartKey::of(window(16)));
        assert_ne!(PartKey::of(window(31)), PartKey::of(window(32)));
        assert_eq!(PartKey::of(window(31)).end_ms(), 32 * MINUTE_MS);
        let last = Window {
            start_ms: u64::MAX - u64::MAX % MINUTE_MS,
            length_ms: MINUTE_MS,
        };
        assert_eq!(PartKey::of(last).end_ms(), u64::MAX);
    }

    #[test]
    fn a_window_that_changes_ends_what_it_is_part_of_and_nothing_else() {
        let (mut parts, part_cache) = (Parts::default(), Arc::new(PartCache::default()));
        for groups in [Groups::Together, Groups::Each] {
            for minute in [0, 16, 32] {
                assert!(keep(&mut parts, &part_cache, minute, &groups, 10));
            }
        }
        parts.forget(window(17));
        let has = |minute, groups| parts.has(PartKey::of(window(minute)), &groups);
        assert!(has(0, Groups::Together) && has(0, Groups::Each) && has(32, Groups::Each));
        assert!(!has(16, Groups::Together) && !has(16, Groups::Each));
        let found = parts.get(PartKey::of(window(5)), &Groups::Together).unwrap();
        assert_eq!((found.len(), found[0].1.count()), (1, 10));
    }

    #[test]
    fn a_sketch_keeps_the_newest_within_its_bound_and_gives_all_room_back() {
        let (mut parts, part_cache) = (Parts::default(), Arc::new(PartCache::default()));
        for part in 0..400 {
            keep(
                &mut parts,
                &part_cache,
                part * PART_WINDOWS,
                &Groups::Together,
                30_000,
            );
            assert!(parts.bytes <= SKETCH_BYTES && part_cache.counts().bytes == parts.bytes);
        }
        assert!(parts.has(PartKey::of(window(399 * PART_WINDOWS)), &Groups::Together));
        assert!(!parts.has(PartKey::of(window(0)), &Groups::Together));
        assert!(
            !keep(&mut parts, &part_cache, 0, &Groups::Together, 30_000),
            "older than all"
        );
        drop(parts);
        assert_eq!(part_cache.counts().bytes, 0);
    }

    #[test]
    fn a_full_shelf_takes_nothing_more() {
        let part_cache = Arc::new(PartCache::default());
        let claim = part_cache.claim(CACHE_BYTES - 100).unwrap();
        let mut parts = Parts::default();
        assert!(!keep(&mut parts, &part_cache, 0, &Groups::Together, 10));
        assert_eq!((parts.bytes, part_cache.counts().bytes), (0, CACHE_BYTES - 100));
        drop(claim);
        assert!(keep(&mut parts, &part_cache, 0, &Groups::Together, 10));
    }
}
