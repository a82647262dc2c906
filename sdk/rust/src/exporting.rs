//! What [`export!`](crate::export!) expands to needs to name; not for plugins.

#[cfg(target_arch = "wasm32")]
pub use crate::panics::report_panics;
pub use crate::{
    bindings::exports::tailrace::plugin::{timed::Guest as TimedGuest, transform::Guest},
    export::Slot,
};
