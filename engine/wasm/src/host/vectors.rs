//! `vectors`: the pipeline's collections of embeddings.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, LinkerInstance, Lower},
};

use super::{Guest, lent::ask};

#[derive(ComponentType, Lower)]
#[component(record)]
struct Neighbour {
    id: String,
    score: f32,
}

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "get",
        |_: StoreContextMut<'_, Guest>, (collection, id): (String, String)| {
            let vector = ask(|host| host.vector_get(&collection, &id))?;
            Ok((vector,))
        },
    )?;
    linker.func_wrap(
        "set",
        |mut store: StoreContextMut<'_, Guest>, (collection, id, vector): (String, String, Vec<f32>)| {
            store
                .data_mut()
                .write(id.len() + vector.len() * size_of::<f32>())?;
            Ok(ask(|host| host.vector_set(&collection, &id, vector))?)
        },
    )?;
    linker.func_wrap(
        "delete",
        |mut store: StoreContextMut<'_, Guest>, (collection, id): (String, String)| {
            store.data_mut().write(id.len())?;
            Ok(ask(|host| host.vector_delete(&collection, &id))?)
        },
    )?;
    linker.func_wrap(
        "nearest",
        |_: StoreContextMut<'_, Guest>, (collection, query, k): (String, Vec<f32>, u32)| {
            let found = ask(|host| host.vectors_nearest(&collection, &query, k))?;
            let neighbours: Vec<Neighbour> = found
                .into_iter()
                .map(|hit| Neighbour {
                    id: hit.id,
                    score: hit.score,
                })
                .collect();
            Ok((neighbours,))
        },
    )
}
