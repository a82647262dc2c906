//! `log`: lines for the plugin's author. Whatever a guest writes, a line stays one line of plain text.

use tailrace_core::{ports::plugins::LogLevel, text::plain};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, LinkerInstance},
};

use super::{Guest, lent::ask};

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
                let line = plain(&message, MAX_LINE);
                ask(|host| {
                    host.log(level.into(), &line);
                    Ok(())
                })?;
            }
            Ok(())
        },
    )
}
