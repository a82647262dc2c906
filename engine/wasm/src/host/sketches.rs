//! `sketches`: the pipeline's approximate metrics.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, LinkerInstance, Lower},
};

use super::{Guest, lent::ask};

#[derive(ComponentType, Lower)]
#[component(record)]
struct Frequency {
    item: String,
    times: u64,
}

/// What every version has.
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

/// What has been learnt, since 0.2.
pub(super) fn link_reads(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "quantile",
        |_: StoreContextMut<'_, Guest>, (name, q): (String, f64)| {
            let value = ask(|host| host.sketch_quantile(&name, q))?;
            Ok((value,))
        },
    )?;
    linker.func_wrap(
        "estimate",
        |_: StoreContextMut<'_, Guest>, (name, item): (String, Option<String>)| {
            let estimate = ask(|host| host.sketch_estimate(&name, item.as_deref()))?;
            Ok((estimate,))
        },
    )?;
    linker.func_wrap(
        "top",
        |_: StoreContextMut<'_, Guest>, (name, limit): (String, u32)| {
            let top = ask(|host| host.sketch_top(&name, limit))?;
            let frequency = |(item, times)| Frequency { item, times };
            let top: Vec<Frequency> = top.into_iter().map(frequency).collect();
            Ok((top,))
        },
    )?;
    linker.func_wrap("total", |_: StoreContextMut<'_, Guest>, (name,): (String,)| {
        let total = ask(|host| host.sketch_total(&name))?;
        Ok((total,))
    })
}
