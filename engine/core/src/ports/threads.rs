//! Threads, as the operating system ranks them for the processor, and the word of the sandbox that a call on
//! one of them lasts.

use std::{cell::RefCell, rc::Rc, time::Duration};

/// Ranks threads.
pub trait Threads: Send + Sync {
    /// Puts the calling thread behind the others, for the rest of its life: systems let nobody take that back
    /// who has no special right.
    fn lower_this(&self);
}

/// Where all threads are alike.
pub struct Alike;

impl Threads for Alike {
    fn lower_this(&self) {}
}

/// A call that lasts so long is a long one: a thousand times longer than any usual call.
pub const LONG_CALL: Duration = Duration::from_millis(10);

thread_local! {
    static ON_LONG_CALL: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// From now on this is done when a call on this thread lasts.
pub fn on_long_call(act: impl Fn() + 'static) {
    ON_LONG_CALL.set(Some(Rc::new(act)));
}

/// The call of a guest on this thread has lasted [`LONG_CALL`].
pub fn call_lasts() {
    // Not under the borrow: what is done may be anything.
    let act = ON_LONG_CALL.with_borrow(Clone::clone);
    if let Some(act) = act {
        act();
    }
}
