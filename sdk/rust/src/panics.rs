//! The last words of a plugin that panics: the engine gets the message and the place before the trap.

use std::{panic::PanicHookInfo, sync::Once};

use crate::bindings::tailrace::plugin::panics::report;

/// Lets the engine know of every panic from now on.
#[doc(hidden)]
pub fn report_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| std::panic::set_hook(Box::new(tell)));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without words");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    report(message, &place);
}
