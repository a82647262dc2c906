//! `panics`: the last words of a guest that is about to trap. Without them a trap says that an instruction was
//! unreachable, and not what the author wrote.

use tailrace_core::{ports::plugins::LogLevel, text::plain};
use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::{Guest, lent::ask};

/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 400;
/// Longest place that is kept.
const MAX_PLACE: usize = 100;

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "report",
        |mut store: StoreContextMut<'_, Guest>, (message, place): (String, String)| {
            let words = format!(
                "the plugin panicked at {}: {}",
                plain(&place, MAX_PLACE),
                plain(&message, MAX_MESSAGE)
            );
            let guest = store.data_mut();
            // A guest that is being configured has no event, and no host to write lines to.
            if guest.is_called() && guest.may_log() {
                ask(|host| {
                    host.log(LogLevel::Error, &words);
                    Ok(())
                })?;
            }
            store.data_mut().last_words = Some(words);
            Ok(())
        },
    )
}
