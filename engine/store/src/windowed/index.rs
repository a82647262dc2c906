//! The names of the series of a sketch: which groups there are, which windows, and of which groups
//! each window is made up.

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::series::{Group, Held, RangeQuery, Series, Window, WindowSpan};

/// The series of a sketch.
#[derive(Debug, Default)]
pub(super) struct SeriesIndex {
    /// Groups of all time.
    groups: BTreeSet<Option<Group>>,
    /// How many of them are values.
    values: usize,
    /// Windows by their beginning, then what they are made up of.
    windows: BTreeMap<u64, BTreeSet<(u64, Option<Group>)>>,
    /// The clock, as commits told it.
    pub(super) told: Held,
}

/// Whether a window can be begun.
pub(super) enum Room {
    /// Yes, or it is there already.
    There,
    /// Once the one that begins here is gone.
    Instead(u64),
    /// No: it is older than all that are kept.
    None,
}

impl SeriesIndex {
    pub(super) fn add(&mut self, series: &Series) {
        match series.window {
            None => {
                let is_value = matches!(series.group, Some(Group::Value(_)));
                let is_new = self.groups.insert(series.group.clone());
                self.values += usize::from(is_value && is_new);
            }
            Some(Window { start_ms, length_ms }) => {
                let parts = self.windows.entry(start_ms).or_default();
                parts.insert((length_ms, series.group.clone()));
            }
        }
    }

    /// The group that a value counts in: its own while there are fewer than `most`.
    pub(super) fn group(&self, group: Option<&Group>, most: usize) -> Option<Group> {
        let group = group?;
        let is_known = !matches!(group, Group::Value(_)) || self.values < most;
        if is_known || self.groups.contains(&Some(group.clone())) {
            Some(group.clone())
        } else {
            Some(Group::Other)
        }
    }

    /// Whether a window can be begun while at most so many are kept: the newest are. Which ones stay
    /// does not depend on the order in which they come.
    pub(super) fn room_for(&self, start_ms: u64, most: usize) -> Room {
        if self.windows.contains_key(&start_ms) || self.windows.len() < most {
            return Room::There;
        }
        match self.windows.first_key_value() {
            Some((oldest_ms, _)) if *oldest_ms < start_ms => Room::Instead(*oldest_ms),
            _ => Room::None,
        }
    }

    /// Beginnings of the oldest windows before a time.
    pub(super) fn before(&self, floor_ms: u64, most: usize) -> Vec<u64> {
        let old = self.windows.range(..floor_ms).take(most);
        old.map(|(start_ms, _)| *start_ms).collect()
    }

    /// Windows up to this end lack something from now on.
    pub(super) fn lack(&mut self, end_ms: u64) {
        self.told.whole_from_ms = self.told.whole_from_ms.max(end_ms);
    }

    /// Removes a window; gives its series.
    pub(super) fn remove(&mut self, start_ms: u64) -> Vec<Series> {
        let parts = self.windows.remove(&start_ms).unwrap_or_default();
        let longest_ms = parts.last().map_or(0, |(length_ms, _)| *length_ms);
        self.lack(start_ms.saturating_add(longest_ms));
        parts.into_iter().map(|part| of_window(start_ms, part)).collect()
    }

    /// The series of a range query, oldest first.
    pub(super) fn of(&self, slice: &RangeQuery) -> Vec<Series> {
        match slice.windows {
            None => self.all_time().filter(|series| slice.takes(series)).collect(),
            Some(span) => {
                let within = self.windows.range(span.from_ms..span.to_ms.max(span.from_ms));
                within
                    .flat_map(|(start_ms, parts)| parts.iter().map(|part| of_window(*start_ms, part.clone())))
                    .filter(|series| slice.takes(series))
                    .collect()
            }
        }
    }

    /// The windows of a span, oldest first.
    pub(super) fn windows(&self, span: WindowSpan) -> impl Iterator<Item = Window> {
        let within = self.windows.range(span.from_ms..span.to_ms.max(span.from_ms));
        let length_ms = span.length_ms;
        within.filter_map(move |(start_ms, parts)| {
            let is_of_length = parts.iter().any(|(other_ms, _)| *other_ms == length_ms);
            is_of_length.then_some(Window {
                start_ms: *start_ms,
                length_ms,
            })
        })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Series> {
        let windows = self
            .windows
            .iter()
            .flat_map(|(start_ms, parts)| parts.iter().map(|part| of_window(*start_ms, part.clone())));
        self.all_time().chain(windows)
    }

    fn all_time(&self) -> impl Iterator<Item = Series> {
        self.groups.iter().map(|group| Series {
            window: None,
            group: group.clone(),
        })
    }

    pub(super) fn held(&self) -> Held {
        let newest = self.windows.last_key_value();
        let end_ms = newest.and_then(|(start_ms, parts)| {
            let (length_ms, _) = parts.last()?;
            Some(start_ms.saturating_add(*length_ms))
        });
        let oldest = self.windows.first_key_value();
        Held {
            begin_ms: oldest.map_or(u64::MAX, |(start_ms, _)| *start_ms),
            end_ms: end_ms.unwrap_or(0),
            ..self.told
        }
    }
}

fn of_window(start_ms: u64, (length_ms, group): (u64, Option<Group>)) -> Series {
    Series {
        window: Some(Window { start_ms, length_ms }),
        group,
    }
}
