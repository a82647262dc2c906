//! A sandbox in which nothing runs, for tests of what happens around plugins.

use std::sync::Arc;

use bytes::Bytes;
use tailrace_core::{
    identity::Digest,
    ports::plugins::{Admitted, Plugin, PluginError, PluginRuntime},
};

/// It has no plugin, and takes none in.
pub struct NoPlugins;

fn none<T>() -> Result<T, PluginError> {
    Err(PluginError::Engine("there are none".to_owned()))
}

impl PluginRuntime for NoPlugins {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        none()
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        none()
    }
}
