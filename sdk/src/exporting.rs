//! What [`export!`](crate::export!) expands to needs to name; not for plugins.

pub use crate::{bindings::exports::tailrace::plugin::transform::Guest, export::Slot};
