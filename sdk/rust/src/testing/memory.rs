//! Everything that a chain of steps keeps, with a way back to before the event.

use std::collections::BTreeMap;

use super::{collections::Collections, sketches::PendingSketches, states::States, timers::KeptTimers};
use crate::Level;

/// The effects of all events so far, and those of the event under way, which can be taken back.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) states: States,
    pub(crate) collections: Collections,
    pub(crate) sketches: PendingSketches,
    pub(crate) timers: KeptTimers,
    /// Rows of tables, by table and key. No event changes them.
    pub(crate) rows: BTreeMap<(String, String), Vec<u8>>,
    /// Lines of the log; they tell of failed events too, so they are never taken back.
    pub(crate) logs: Vec<(Level, String)>,
}

impl Memory {
    /// Where the effects stand now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            states: self.states.written(),
            collections: self.collections.written(),
            sketches: self.sketches.written(),
            timers: self.timers.written(),
        }
    }

    /// Takes back everything since the mark.
    pub(super) fn roll_back(&mut self, to: Mark) {
        self.states.roll_back(to.states);
        self.collections.roll_back(to.collections);
        self.sketches.roll_back(to.sketches);
        self.timers.roll_back(to.timers);
    }

    /// The event is over: what it did stays.
    pub(super) fn commit(&mut self) {
        self.states.commit();
        self.collections.commit();
        self.sketches.commit();
        self.timers.commit();
    }
}

/// A point to go back to: how much each journal held.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    states: usize,
    collections: usize,
    sketches: usize,
    timers: usize,
}
