//! `tables`: rows that the pipeline keeps of buckets and streams.

use wasmtime::{StoreContextMut, component::LinkerInstance};

use super::{Guest, lent::ask};

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "get",
        |_: StoreContextMut<'_, Guest>, (table, key): (String, String)| {
            let row = ask(|host| host.table_get(&table, &key))?;
            Ok((row,))
        },
    )
}
