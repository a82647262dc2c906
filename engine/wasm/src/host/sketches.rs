//! `sketches`: the pipeline's approximate metrics.

use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::{Guest, Stop};

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "observe",
        |mut store: StoreContextMut<'_, Guest>, (name, value): (String, f64)| {
            store.data_mut().write(size_of::<f64>())?;
            Ok(store
                .data_mut()
                .host()?
                .sketch_observe(&name, value)
                .map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "distinct",
        |mut store: StoreContextMut<'_, Guest>, (name, item): (String, String)| {
            store.data_mut().write(item.len())?;
            Ok(store
                .data_mut()
                .host()?
                .sketch_distinct(&name, &item)
                .map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "count",
        |mut store: StoreContextMut<'_, Guest>, (name, item, times): (String, String, u64)| {
            store.data_mut().write(item.len())?;
            Ok(store
                .data_mut()
                .host()?
                .sketch_count(&name, &item, times)
                .map_err(Stop::from)?)
        },
    )
}
