//! Calls that last. A turn is given up after its slice, between two events; only a single call can last
//! longer, up to its deadline, and until then it holds a processor that the broker, the API and the
//! other tenants want too. So the sandbox says when a call lasts [`LONG`], and the operating system puts the
//! thread behind the others. As there is no way back, it ends with its turn, and another takes its place.
//!
//! It is the call that is judged, never the tenant: the next begins like everyone's. So nobody is caught
//! in a spiral of slow calls that time out for their slowness.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use crate::ports::threads::Threads;

/// What lasts longer than any usual call by a thousand times.
pub const LONG: Duration = Duration::from_millis(10);

thread_local! {
    static HERE: RefCell<Option<Rc<Here>>> = const { RefCell::new(None) };
}

/// A guest thread.
pub(super) struct Here {
    threads: Arc<dyn Threads>,
    is_lowered: Cell<bool>,
}

impl Here {
    /// The calling thread, which serves guests from now on.
    pub(super) fn serves(threads: Arc<dyn Threads>) -> Rc<Self> {
        let here = Rc::new(Self {
            threads,
            is_lowered: Cell::new(false),
        });
        HERE.set(Some(here.clone()));
        here
    }

    /// Whether it was put behind the others.
    pub(super) fn is_lowered(&self) -> bool {
        self.is_lowered.get()
    }
}

/// The call of a guest on this thread has lasted [`LONG`].
pub fn lasts() {
    HERE.with_borrow(|here| {
        if let Some(here) = here.as_ref().filter(|here| !here.is_lowered.replace(true)) {
            here.threads.lower_this();
        }
    });
}
