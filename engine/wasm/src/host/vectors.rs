//! `vectors`: the pipeline's collections of embeddings.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, LinkerInstance, Lower},
};

use super::{Guest, Stop};

#[derive(ComponentType, Lower)]
#[component(record)]
struct Neighbour {
    id: String,
    score: f32,
}

pub(super) fn link(linker: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "get",
        |mut store: StoreContextMut<'_, Guest>, (collection, id): (String, String)| {
            let vector = store
                .data_mut()
                .host()?
                .vector_get(&collection, &id)
                .map_err(Stop::from)?;
            Ok((vector,))
        },
    )?;
    linker.func_wrap(
        "set",
        |mut store: StoreContextMut<'_, Guest>, (collection, id, vector): (String, String, Vec<f32>)| {
            store
                .data_mut()
                .write(id.len() + vector.len() * size_of::<f32>())?;
            Ok(store
                .data_mut()
                .host()?
                .vector_set(&collection, &id, vector)
                .map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "delete",
        |mut store: StoreContextMut<'_, Guest>, (collection, id): (String, String)| {
            store.data_mut().write(id.len())?;
            Ok(store
                .data_mut()
                .host()?
                .vector_delete(&collection, &id)
                .map_err(Stop::from)?)
        },
    )?;
    linker.func_wrap(
        "nearest",
        |mut store: StoreContextMut<'_, Guest>, (collection, query, k): (String, Vec<f32>, u32)| {
            let found = store
                .data_mut()
                .host()?
                .vectors_nearest(&collection, &query, k)
                .map_err(Stop::from)?;
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
