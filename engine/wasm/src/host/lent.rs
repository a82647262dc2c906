//! The host of the call at hand, lent for its time.
//!
//! A store of wasmtime holds what lives as long as itself, and the host of a call is a borrow that ends with
//! the call. So it stands in a slot of the thread meanwhile: a call never leaves its thread.

use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use tailrace_core::ports::plugins::{Host, HostError};

use super::Stop;

struct Lent<'a>(&'a mut (dyn Host + 'a));

impl<'short> ReborrowMut<'short> for Lent<'_> {
    type Result = Lent<'short>;

    fn reborrow_mut(&'short mut self) -> Self::Result {
        Lent(&mut *self.0)
    }
}

scoped_thread_local!(static mut HOST: for<'a> Lent<'a>);

/// Lends the host to the host functions that are called meanwhile on this thread.
pub(crate) fn lend<T>(host: &mut dyn Host, call: impl FnOnce() -> T) -> T {
    HOST.set(Lent(host), call)
}

/// Asks the host of the call at hand.
pub(super) fn ask<T>(question: impl FnOnce(&mut dyn Host) -> Result<T, HostError>) -> Result<T, Stop> {
    if !HOST.is_set() {
        let where_else = "host interfaces are at hand in process only, not in configure";
        return Err(Stop::Misuse(where_else.to_owned()));
    }
    HOST.with(|lent| question(lent.0)).map_err(Stop::from)
}
