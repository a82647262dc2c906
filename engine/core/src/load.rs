//! Plugins by their digest, ready to be instantiated.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    identity::Digest,
    name::Name,
    ports::{
        broker::BrokerError,
        executor,
        plugins::{Plugin, PluginError},
    },
    tasks,
    world::World,
};

/// A plugin could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The broker's fault.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The plugin's, or ours.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Loads a plugin by its digest. The bytes of one that is at work already are not fetched: every change of a
/// pipeline asks for its plugins.
pub async fn load_plugin(
    world: &World,
    tenant: &Name,
    digest: Digest,
) -> Result<Option<Arc<dyn Plugin>>, LoadError> {
    if let Some(plugin) = world.plugins.loaded(digest) {
        return Ok(Some(plugin));
    }
    let Some(component) = world.registry.plugin(digest).await? else {
        return Ok(None);
    };
    Ok(Some(load_component(world, tenant, digest, component).await?))
}

/// Loads a plugin: on a guest thread of its tenant where its machine code is at hand. Otherwise it waits for
/// a compile permit and is compiled on a thread of its own, as an upload is.
pub async fn load_component(
    world: &World,
    tenant: &Name,
    digest: Digest,
    component: Bytes,
) -> Result<Arc<dyn Plugin>, PluginError> {
    let lost = |cause: &dyn std::fmt::Display| PluginError::Engine(cause.to_string());
    let (runtime, bytes) = (world.plugins.clone(), component.clone());
    let at_hand = executor::run(&*world.turns, tenant, move || runtime.at_hand(digest, &bytes)).await;
    if let Some(loaded) = at_hand.map_err(|cause| lost(&cause))? {
        return loaded;
    }
    let turn = world.compilers.turn(tenant).await;
    let runtime = world.plugins.clone();
    let loaded = tasks::spawn_blocking(move || {
        let loaded = runtime.load(digest, &component);
        drop(turn);
        loaded
    });
    loaded.await.map_err(|cause| lost(&cause))?
}
