//! `state`: keyed state of the step.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, LinkerInstance, Lower},
};

use super::{Guest, Stop};

#[derive(ComponentType, Lower)]
#[component(record)]
struct Entry {
    key: String,
    value: Vec<u8>,
}

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "get",
        |mut store: StoreContextMut<'_, Guest>, (key,): (String,)| {
            let value = store.data_mut().host()?.state_get(&key).map_err(Stop::from)?;
            Ok((value,))
        },
    )?;
    linker.func_wrap(
        "set",
        |mut store: StoreContextMut<'_, Guest>, (key, value, ttl_ms): (String, Vec<u8>, Option<u64>)| {
            store.data_mut().write(key.len() + value.len())?;
            Ok(store
                .data_mut()
                .host()?
                .state_set(&key, value, ttl_ms)
                .map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "delete",
        |mut store: StoreContextMut<'_, Guest>, (key,): (String,)| {
            store.data_mut().write(key.len())?;
            Ok(store.data_mut().host()?.state_delete(&key).map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "scan",
        |mut store: StoreContextMut<'_, Guest>, (prefix, after, limit): (String, Option<String>, u32)| {
            let found = store
                .data_mut()
                .host()?
                .state_scan(&prefix, after.as_deref(), limit)
                .map_err(Stop::from)?;
            let entries: Vec<Entry> = found
                .into_iter()
                .map(|(key, value)| Entry { key, value })
                .collect();
            Ok((entries,))
        },
    )
}
