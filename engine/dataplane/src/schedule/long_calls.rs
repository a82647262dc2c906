//! Calls that last. A turn is given up after its time slice, between two events. Only a single call can last
//! longer, up to its deadline. Until then it holds a processor that the broker, the API and the other tenants
//! want too. So the sandbox says when a call lasts [`LONG_CALL`](tailrace_core::ports::threads::LONG_CALL),
//! and the operating system puts the thread behind the others. As there is no way back, it ends with its
//! turn, and another takes its place: one that was started before, for a thread inherits the rank of the one
//! that starts it.
//!
//! It is the call that is judged, never the tenant: the next begins like everyone's. So nobody is caught
//! in a spiral of slow calls that time out for their slowness.
//!
//! Why: docs/decisions/0026-a-long-call-loses-its-rank.md

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, mpsc::SyncSender},
};

use tailrace_core::ports::threads::{Threads, on_long_call};

/// A thread that waits to take the place of another, until this is dropped.
pub(super) type Successor = SyncSender<()>;

/// A guest thread.
pub(super) struct Here {
    threads: Arc<dyn Threads>,
    start: Box<dyn Fn() -> Option<Successor>>,
    successor: RefCell<Option<Successor>>,
}

impl Here {
    /// The calling thread, which serves guests from now on.
    pub(super) fn serves(
        threads: Arc<dyn Threads>,
        start: impl Fn() -> Option<Successor> + 'static,
    ) -> Rc<Self> {
        let here = Rc::new(Self {
            threads,
            start: Box::new(start),
            successor: RefCell::default(),
        });
        let called = here.clone();
        on_long_call(move || called.lower());
        here
    }

    /// Leaves its place to its successor, if it was put behind the others.
    pub(super) fn hands_over(&self) -> bool {
        self.successor.take().is_some()
    }

    fn lower(&self) {
        let mut successor = self.successor.borrow_mut();
        if successor.is_some() {
            return;
        }
        *successor = (self.start)();
        // Without one it keeps its rank, for it must go on.
        if successor.is_some() {
            self.threads.lower_this();
        }
    }
}
