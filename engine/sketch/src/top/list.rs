//! A bounded list of items with their counts, found by name and ordered by count. The one that leaves a
//! full list is that with the lowest count and, among equals, the last name: the same on every
//! replay.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Items with counts.
#[derive(Debug, Clone)]
pub(super) struct List {
    capacity: usize,
    by_name: BTreeMap<Arc<str>, u64>,
    /// The same, lowest count first, equals with the last name first.
    by_count: BTreeSet<(u64, Reverse<Arc<str>>)>,
}

impl List {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            by_name: BTreeMap::new(),
            by_count: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, item: &str) -> Option<u64> {
        self.by_name.get(item).copied()
    }

    pub(super) fn has_room_for(&self, item: &str) -> bool {
        self.by_name.len() < self.capacity || self.by_name.contains_key(item)
    }

    /// Whether it holds no more than it may: see [`List::unite`].
    pub(super) fn fits(&self) -> bool {
        self.by_name.len() <= self.capacity
    }

    pub(super) fn clear(&mut self) {
        self.by_name.clear();
        self.by_count.clear();
    }

    /// Sets the count of an item, where it deserves a place.
    pub(super) fn propose(&mut self, item: &str, count: u64) {
        if !self.has_room_for(item) {
            let Some((lowest, Reverse(name))) = self.by_count.first().cloned() else {
                return;
            };
            if lowest >= count {
                return;
            }
            self.by_count.pop_first();
            self.by_name.remove(&name);
        }
        self.set(item, count);
    }

    /// Adds the counts of another list, beyond the capacity if need be.
    pub(super) fn unite(&mut self, other: &Self) {
        for (item, count) in other.ascending_by_name() {
            let sum = self.get(item).unwrap_or(0).saturating_add(count);
            self.set(item, sum);
        }
    }

    pub(super) fn ascending_by_name(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_name.iter().map(|(item, count)| (&**item, *count))
    }

    /// Equal counts in the order of their names.
    pub(super) fn descending_by_count(&self) -> impl Iterator<Item = (&str, u64)> {
        let descending = self.by_count.iter().rev();
        descending.map(|(count, Reverse(item))| (&**item, *count))
    }

    fn set(&mut self, item: &str, count: u64) {
        let name = match self.by_name.get_key_value(item) {
            Some((name, old)) => {
                let (name, old) = (name.clone(), *old);
                self.by_count.remove(&(old, Reverse(name.clone())));
                name
            }
            None => Arc::from(item),
        };
        self.by_name.insert(name.clone(), count);
        self.by_count.insert((count, Reverse(name)));
    }
}
