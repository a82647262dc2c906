//! KeptTimers of all steps, with a journal of what was there before, and in the order in which they are due.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{check_timer_name, check_timer_payload};
use crate::Timer;

/// Step, event key and name: there is one timer of each.
type Place = (usize, String, String);
/// Time, event key, step's name and name: the order in which timers fire.
type Due = (u64, String, String, String);

#[derive(Clone)]
struct Pending {
    at_ms: u64,
    payload: Vec<u8>,
    set_by: u64,
}

struct Undo {
    place: Place,
    before: Option<Pending>,
}

#[derive(Default)]
pub(crate) struct KeptTimers {
    steps: Vec<String>,
    set: BTreeMap<Place, Pending>,
    order: BTreeSet<Due>,
    journal: Vec<Undo>,
    /// Of the event that a plugin is called for.
    key: String,
    sequence: u64,
}

impl KeptTimers {
    pub(super) fn add_step(&mut self, name: &str) {
        self.steps.push(name.to_owned());
    }

    /// A plugin is called for an event of this key.
    pub(super) fn enter(&mut self, key: &str, sequence: u64) {
        key.clone_into(&mut self.key);
        self.sequence = sequence;
    }

    pub(crate) fn set(&mut self, step: usize, name: &str, at_ms: u64, payload: &[u8]) {
        check_timer_name(name);
        check_timer_payload(payload);
        let set = Pending {
            at_ms,
            payload: payload.to_vec(),
            set_by: self.sequence,
        };
        self.write(self.place(step, name), Some(set));
    }

    pub(crate) fn cancel(&mut self, step: usize, name: &str) {
        check_timer_name(name);
        self.write(self.place(step, name), None);
    }

    pub(crate) fn get(&self, step: usize, name: &str) -> Option<u64> {
        check_timer_name(name);
        self.of(step, &self.key, name)
    }

    /// When the timer of another key is due.
    pub(super) fn of(&self, step: usize, key: &str, name: &str) -> Option<u64> {
        let place = (step, key.to_owned(), name.to_owned());
        self.set.get(&place).map(|set| set.at_ms)
    }

    /// Takes out the timer that is due first, if it is due by then, with the index of its step.
    pub(super) fn take_due(&mut self, until_ms: u64) -> Option<(usize, Timer)> {
        let (at, key, step, name) = self.order.first().filter(|due| due.0 <= until_ms)?.clone();
        let step = self.steps.iter().position(|own| *own == step)?;
        let set = self.put((step, key.clone(), name.clone()), None)?;
        let timer = Timer {
            name,
            key,
            at,
            payload: set.payload,
            set_by: set.set_by,
        };
        Some((step, timer))
    }

    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    /// Writes of the event under way.
    pub(super) fn written(&self) -> usize {
        self.journal.len()
    }

    /// Takes back the latest writes, until so many are left.
    pub(super) fn roll_back(&mut self, writes_left: usize) {
        for Undo { place, before } in self.journal.split_off(writes_left).into_iter().rev() {
            self.put(place, before);
        }
    }

    fn place(&self, step: usize, name: &str) -> Place {
        (step, self.key.clone(), name.to_owned())
    }

    fn write(&mut self, place: Place, set: Option<Pending>) {
        let before = self.put(place.clone(), set);
        self.journal.push(Undo { place, before });
    }

    /// Keeps both maps in step; gives what was there before.
    fn put(&mut self, place: Place, set: Option<Pending>) -> Option<Pending> {
        let due = |at_ms| {
            let (step, key, name) = &place;
            (at_ms, key.clone(), self.steps[*step].clone(), name.clone())
        };
        if let Some(before) = self.set.get(&place) {
            self.order.remove(&due(before.at_ms));
        }
        match set {
            Some(set) => {
                self.order.insert(due(set.at_ms));
                self.set.insert(place, set)
            }
            None => self.set.remove(&place),
        }
    }
}
