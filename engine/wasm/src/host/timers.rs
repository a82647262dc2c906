//! `timers`: wake-ups of the step in event time. A timer that is set or cancelled is a write of the call.

use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::{Guest, lent::ask};

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "set",
        |mut store: StoreContextMut<'_, Guest>, (name, at_ms, payload): (String, u64, Vec<u8>)| {
            store.data_mut().write(name.len() + payload.len())?;
            Ok(ask(|host| host.timer_set(&name, at_ms, payload))?)
        },
    )?;
    linker.func_wrap(
        "cancel",
        |mut store: StoreContextMut<'_, Guest>, (name,): (String,)| {
            store.data_mut().write(name.len())?;
            Ok(ask(|host| host.timer_cancel(&name))?)
        },
    )?;
    linker.func_wrap("get", |_: StoreContextMut<'_, Guest>, (name,): (String,)| {
        let at_ms = ask(|host| host.timer_get(&name))?;
        Ok((at_ms,))
    })?;
    linker.func_wrap("watermark", |_: StoreContextMut<'_, Guest>, (): ()| {
        let watermark_ms = ask(|host| Ok(host.watermark()))?;
        Ok((watermark_ms,))
    })
}
