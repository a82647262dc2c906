//! `sketches`: the pipeline's approximate metrics.

use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::{Guest, lent::ask};

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "observe",
        |mut store: StoreContextMut<'_, Guest>, (name, value): (String, f64)| {
            store.data_mut().write(size_of::<f64>())?;
            Ok(ask(|host| host.sketch_observe(&name, value))?)
        },
    )?;
    linker.func_wrap(
        "distinct",
        |mut store: StoreContextMut<'_, Guest>, (name, item): (String, String)| {
            store.data_mut().write(item.len())?;
            Ok(ask(|host| host.sketch_distinct(&name, &item))?)
        },
    )?;
    linker.func_wrap(
        "count",
        |mut store: StoreContextMut<'_, Guest>, (name, item, times): (String, String, u64)| {
            store.data_mut().write(item.len())?;
            Ok(ask(|host| host.sketch_count(&name, &item, times))?)
        },
    )
}
