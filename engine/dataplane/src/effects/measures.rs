//! Updates of sketches among the effects: where the update of an event goes, by its time and group.
//!
//! Invariant: whether a window is gone is judged by the clock as the event moved it, and by nothing that
//! depends on where batches end. So a run that was killed fills the same windows as one that was not.

use tailrace_core::{
    delta::{Measured, Placed},
    manifest::sketches::Windowing,
    name::Name,
    series::{Group, WindowRule},
};
use tailrace_sketch::{Kind, Update};

use crate::effects::{Effects, journal::Undo, moment::Moment};

/// About what an update takes in a record.
const UPDATE_BYTES: usize = 16;

impl Effects {
    /// An event comes: what is measured until the next one is of this moment.
    pub fn arrive(&mut self, moment: Moment) {
        self.moment = moment;
    }

    /// Updates a sketch of the pipeline; those that the revision does not declare are left out.
    pub fn measure(&mut self, name: &Name, update: Update) {
        if self.plan.manifest.sketches.contains_key(name) {
            self.push_update(name.as_str(), update);
        }
    }

    /// Updates of the batch that came when their window was gone; they count from 0 again.
    pub fn take_late(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }

    /// Says how late it is, where it matters: with every update of a sketch with windows, and without
    /// any when another of its windows is gone.
    pub fn tell_time(&mut self, clock_ms: u64) {
        for (name, windowing) in self.plan.windowings() {
            let Some(rule) = windowing.window else { continue };
            let floor_ms = rule.floor(clock_ms);
            let is_new = match &self.told_then {
                Some(told) => told.iter().any(|told| told == name.as_str()),
                None => self.told_ms.get(name) != Some(&floor_ms),
            };
            if is_new {
                self.told_ms.insert(name.clone(), floor_ms);
            }
            match self.current.measured.get_mut(name.as_str()) {
                Some(measured) => measured.clock_ms = clock_ms,
                None if is_new => {
                    let measured = Measured {
                        clock_ms,
                        ..empty(windowing)
                    };
                    self.current.measured.insert(name.to_string(), measured);
                }
                None => {}
            }
        }
    }

    /// The kind of a declared sketch.
    pub(super) fn sketch_kind(&self, name: &str) -> Option<Kind> {
        self.plan.manifest.sketches.get(name).map(|sketch| sketch.kind)
    }

    pub(super) fn push_update(&mut self, name: &str, update: Update) {
        self.write_bytes += UPDATE_BYTES;
        let late = match self.plan.windowing(name) {
            None => {
                match self.current.sketches.get_mut(name) {
                    Some(updates) => updates.push(update),
                    None => drop(self.current.sketches.insert(name.to_owned(), vec![update])),
                }
                false
            }
            Some(windowing) => {
                let windowing = *windowing;
                self.push_windowed(name, &windowing, update)
            }
        };
        self.late += u64::from(late);
        self.journal.push(Undo::Sketch {
            name: name.to_owned(),
            late,
        });
    }

    /// Says whether the window was gone.
    fn push_windowed(&mut self, name: &str, windowing: &Windowing, update: Update) -> bool {
        let Moment {
            time_ms,
            clock_ms,
            is_believed,
            groups,
        } = &self.moment;
        let start_ms = windowing.window.map(|rule| rule.start(*time_ms));
        let gone = windowing.window.zip(start_ms);
        // A window that does not exist yet, by a time that nobody believes, would be kept until then.
        let is_gone = |(rule, start_ms): (WindowRule, u64)| !is_believed || rule.is_gone(start_ms, *clock_ms);
        let is_late = gone.is_some_and(is_gone);
        let own = |(sketch, group): &(Name, Group)| (sketch.as_str() == name).then(|| group.clone());
        let group = windowing
            .groups
            .map(|_| groups.iter().find_map(own).unwrap_or(Group::Missing));
        if let Some(Group::Value(value)) = &group {
            self.write_bytes += value.len();
        }
        let placed = Placed {
            window_start_ms: start_ms,
            is_late,
            group,
            update,
        };
        if let Some(measured) = self.current.measured.get_mut(name) {
            measured.updates.push(placed);
        } else {
            let mut measured = empty(windowing);
            measured.updates.push(placed);
            self.current.measured.insert(name.to_owned(), measured);
        }
        is_late
    }

    pub(super) fn take_back(&mut self, name: String, late: bool) {
        self.late -= u64::from(late);
        if let Some(measured) = self.current.measured.get_mut(&name) {
            measured.updates.pop();
        } else {
            self.current.sketches.entry(name).or_default().pop();
        }
    }
}

/// Nothing measured yet.
fn empty(windowing: &Windowing) -> Measured {
    Measured {
        window: windowing.window,
        most_groups: windowing.groups.unwrap_or(0),
        ..Measured::default()
    }
}
