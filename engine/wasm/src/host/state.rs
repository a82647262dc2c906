//! `state`: keyed state of the step.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, LinkerInstance, Lower},
};

use super::{Guest, lent::ask};

#[derive(ComponentType, Lower)]
#[component(record)]
struct Entry {
    key: String,
    value: Vec<u8>,
}

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap("get", |_: StoreContextMut<'_, Guest>, (key,): (String,)| {
        let value = ask(|host| host.state_get(&key))?;
        Ok((value,))
    })?;
    linker.func_wrap(
        "set",
        |mut store: StoreContextMut<'_, Guest>, (key, value, ttl_ms): (String, Vec<u8>, Option<u64>)| {
            store.data_mut().write(key.len() + value.len())?;
            Ok(ask(|host| host.state_set(&key, value, ttl_ms))?)
        },
    )?;
    linker.func_wrap(
        "delete",
        |mut store: StoreContextMut<'_, Guest>, (key,): (String,)| {
            store.data_mut().write(key.len())?;
            Ok(ask(|host| host.state_delete(&key))?)
        },
    )?;
    linker.func_wrap(
        "scan",
        |_: StoreContextMut<'_, Guest>, (prefix, after, limit): (String, Option<String>, u32)| {
            let found = ask(|host| host.state_scan(&prefix, after.as_deref(), limit))?;
            let entries: Vec<Entry> = found
                .into_iter()
                .map(|(key, value)| Entry { key, value })
                .collect();
            Ok((entries,))
        },
    )
}
