//! `log`: lines for the plugin's author. Whatever a guest writes, a line stays one line of plain text.

use tailrace_core::ports::plugins::LogLevel;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, LinkerInstance},
};

use super::Guest;

/// Longest line, in characters.
const MAX_LINE: usize = 1_024;

#[derive(ComponentType, Lift, Clone, Copy)]
#[allow(dead_code, reason = "wasmtime makes the variants from the guest's number")]
#[component(enum)]
#[repr(u8)]
enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, Guest>, (level, message): (Level, String)| {
            let guest = store.data_mut();
            if guest.may_log() {
                let line: String = message.chars().take(MAX_LINE).flat_map(plain).collect();
                guest.host()?.log(level.into(), &line);
            }
            Ok(())
        },
    )
}

/// Control characters are shown, not obeyed.
fn plain(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let itself = (!c.is_control()).then_some(c);
    escaped.into_iter().flatten().chain(itself)
}
