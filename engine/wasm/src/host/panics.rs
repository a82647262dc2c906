//! `panics`: the last words of a guest that is about to trap. Without them a trap says that an instruction was
//! unreachable, and not what the author wrote. They count only if the guest traps: words alone are no log.

use tailrace_core::text::plain;
use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::Guest;

/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 400;
/// Longest place that is kept.
const MAX_PLACE: usize = 100;

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "report",
        |mut store: StoreContextMut<'_, Guest>, (message, place): (String, String)| {
            store.data_mut().last_words = Some(format!(
                "the plugin panicked at {}: {}",
                plain(&place, MAX_PLACE),
                plain(&message, MAX_MESSAGE)
            ));
            Ok(())
        },
    )
}
