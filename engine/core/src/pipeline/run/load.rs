//! Plugins by their digest, ready to be instantiated.

use std::sync::Arc;

use super::super::schedule;
use crate::{
    identity::Digest,
    name::Name,
    ports::{
        World,
        broker::BrokerError,
        plugins::{Plugin, PluginError},
    },
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

/// Loads a plugin by its digest, on a guest thread of its tenant, for it may have to be compiled.
pub async fn load_plugin(
    world: &World,
    tenant: &Name,
    digest: Digest,
) -> Result<Option<Arc<dyn Plugin>>, LoadError> {
    let Some(component) = world.registry.plugin(digest).await? else {
        return Ok(None);
    };
    let runtime = world.plugins.clone();
    let loaded = schedule::run(&*world.turns, tenant, move || runtime.load(digest, &component)).await;
    Ok(Some(
        loaded.map_err(|lost| PluginError::Engine(lost.to_string()))??,
    ))
}
