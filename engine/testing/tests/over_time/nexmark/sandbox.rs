//! The plugin of the queries, as `make plugins` builds it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use tailrace_core::{
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::{Instance, Plugin, PluginError, PluginRuntime as _},
};
use tailrace_wasm::{Compile, WasmOptions, WasmRuntime};

/// A deadline that no slow machine reaches: time is not the subject here.
const PATIENCE: Duration = Duration::from_hours(1);

/// The plugin, compiled once.
pub fn queries() -> (Digest, Arc<dyn Plugin>) {
    static LOADED: OnceLock<(Digest, Arc<dyn Plugin>, WasmRuntime)> = OnceLock::new();
    let (digest, plugin, _) = LOADED.get_or_init(load);
    (*digest, plugin.clone())
}

fn load() -> (Digest, Arc<dyn Plugin>, WasmRuntime) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = std::env::var_os("TAILRACE_PLUGINS")
        .map_or_else(|| folder.join("../wasm32-unknown-unknown/guest"), PathBuf::from);
    let file = file.join("nexmark_queries.wasm");
    let bytes = std::fs::read(&file);
    let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}; run `make plugins`", file.display()));
    let options = WasmOptions {
        artefacts: folder.join("nexmark-artefacts"),
        compile: Compile::default(),
    };
    let runtime = WasmRuntime::new(options).unwrap();
    let admitted = runtime.admit(&Bytes::from(bytes)).unwrap();
    let plugin = runtime.load(admitted.digest, &admitted.component).unwrap();
    (admitted.digest, Arc::new(Patient(plugin)), runtime)
}

/// A plugin without a deadline of its step.
struct Patient(Arc<dyn Plugin>);

impl Plugin for Patient {
    fn imports(&self) -> &BTreeSet<Grant> {
        self.0.imports()
    }
    fn instantiate(&self, config: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        let limits = CallLimits {
            deadline: PATIENCE,
            ..*limits
        };
        self.0.instantiate(config, &limits)
    }
}
