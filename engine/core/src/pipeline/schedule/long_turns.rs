//! Turns that last. A turn is given up after its slice, between two events; only a single call can last
//! longer, up to its deadline, and until then it holds a processor that the broker, the API and the
//! other tenants want too. So the thread of a turn that lasts [`LONG`] is put behind the others by the
//! operating system. As there is no way back, it ends with its turn, and another takes its place.
//!
//! It is the turn that is judged, never the tenant: the next begins like everyone's. So nobody is caught
//! in a spiral of slow turns that time out for their slowness.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::ports::{clock::Clock, threads::Threads};

/// What no turn lasts in which every call is short: two slices and a half.
const LONG: Duration = Duration::from_millis(50);
/// How often turns that run are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// So many looks at nothing, and the watch sleeps until a turn begins: an idle engine wakes nobody, and
/// a busy one wakes the watch at none of its turns.
const IDLE_LOOKS: u32 = 40;

/// A turn that runs.
#[derive(Debug, Clone, Copy)]
struct Turn {
    thread: u64,
    began: Duration,
    lowered: bool,
}

#[derive(Default)]
struct State {
    /// By place.
    turns: Vec<Option<Turn>>,
    asleep: bool,
    closed: bool,
}

/// Watches the turns of all guest threads.
pub(super) struct LongTurns {
    state: Mutex<State>,
    changed: Condvar,
    clock: Arc<dyn Clock>,
    threads: Arc<dyn Threads>,
}

impl LongTurns {
    /// Of so many places.
    pub(super) fn new(places: usize, clock: Arc<dyn Clock>, threads: Arc<dyn Threads>) -> Self {
        let state = State {
            turns: vec![None; places],
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            clock,
            threads,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calling thread, for [`LongTurns::begin`].
    pub(super) fn current(&self) -> u64 {
        self.threads.current()
    }

    /// A turn begins, at this place.
    pub(super) fn begin(&self, place: usize, thread: u64) {
        let began = self.clock.monotonic();
        let mut state = self.lock();
        state.turns[place] = Some(Turn {
            thread,
            began,
            lowered: false,
        });
        if std::mem::take(&mut state.asleep) {
            self.changed.notify_one();
        }
    }

    /// It ended; gives whether its thread was put behind the others.
    pub(super) fn end(&self, place: usize) -> bool {
        let turn = self.lock().turns[place].take();
        turn.is_some_and(|turn| turn.lowered)
    }

    /// Ends the watch.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Looks at the turns until it is closed.
    pub(super) fn watch(&self) {
        let mut idle_looks = 0;
        let mut state = self.lock();
        while !state.closed {
            idle_looks = if self.look(&mut state) { 0 } else { idle_looks + 1 };
            if idle_looks < IDLE_LOOKS {
                let looked = self.changed.wait_timeout(state, LOOK_EVERY);
                state = looked.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state.asleep = true;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                idle_looks = 0;
            }
        }
    }

    /// Gives whether there was a turn.
    fn look(&self, state: &mut State) -> bool {
        let now = self.clock.monotonic();
        for turn in state.turns.iter_mut().flatten() {
            if !turn.lowered && now.saturating_sub(turn.began) >= LONG {
                // Under the lock, so that the turn cannot end meanwhile and its thread begin another.
                self.threads.lower(turn.thread);
                turn.lowered = true;
            }
        }
        state.turns.iter().any(Option::is_some)
    }
}
