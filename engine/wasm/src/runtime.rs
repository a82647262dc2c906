//! The sandbox of the process, and the plugins that it has loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use tailrace_core::{
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::{Admitted, CompileCost, Instance, Plugin, PluginError, PluginRuntime},
};
use wasmtime::{
    Engine, Precompiled,
    component::{Component, ComponentExportIndex, InstancePre, Linker},
};

use crate::{
    admission,
    artefacts::{self, Artefacts},
    compiler::{Compile, Compiled, CompilerProgram},
    config_schema, engine,
    functions::Functions,
    host::{self, Guest, interface, interfaces},
    instance::{Exports, WasmInstance},
    structure,
    ticker::Ticker,
};

/// How the sandbox is set up.
#[derive(Debug, Clone)]
pub struct WasmOptions {
    /// Folder of compiled plugins; tenants must not be able to write there.
    pub artefacts: PathBuf,
    /// Where plugins are compiled.
    pub compile: Compile,
}

impl Default for WasmOptions {
    fn default() -> Self {
        Self {
            artefacts: PathBuf::from("artefacts"),
            compile: Compile::default(),
        }
    }
}

/// One a process.
pub struct WasmRuntime {
    engine: Engine,
    ticker: Arc<Ticker>,
    linker: Linker<Guest>,
    artefacts: Artefacts,
    compile: Compile,
    /// Loaded plugins, as long as somebody uses them.
    loaded: Mutex<BTreeMap<Digest, Weak<WasmPlugin>>>,
}

struct WasmPlugin {
    engine: Engine,
    ticker: Arc<Ticker>,
    plugin: InstancePre<Guest>,
    exports: Exports,
    imports: BTreeSet<Grant>,
}

impl WasmRuntime {
    /// Starts the sandbox and its ticker.
    pub fn new(options: WasmOptions) -> Result<Self, PluginError> {
        let ours = |cause: String| PluginError::Engine(cause);
        let engine = engine::engine().map_err(|cause| ours(format!("{cause:#}")))?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(|cause| ours(format!("{cause:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|cause| ours(cause.to_string()))?;
        let artefacts =
            Artefacts::new(options.artefacts, &engine).map_err(|cause| ours(cause.to_string()))?;
        Ok(Self {
            engine,
            ticker: Arc::new(ticker),
            linker,
            artefacts,
            compile: options.compile,
            loaded: Mutex::default(),
        })
    }

    /// A compiled component, and what it took if that is known.
    fn compile(
        &self,
        digest: Digest,
        component: &[u8],
    ) -> Result<(Component, Option<CompileCost>), PluginError> {
        let (artefact, cost) = match &self.compile {
            Compile::InProcess { functions } => (self.compile_here(component, functions.as_ref())?, None),
            Compile::InChild(program) => {
                let compiled = self.compile_in_child(program, component)?;
                let cost = CompileCost {
                    processor_ms: compiled.processor_ms,
                    artefact_bytes: compiled.artefact.len() as u64,
                };
                (compiled.artefact, Some(cost))
            }
        };
        let compiled = artefacts::open(&self.engine, &artefact).map_err(|cause| unfit(&artefact, &cause))?;
        self.artefacts.save(digest, &artefact);
        Ok((compiled, cost))
    }

    fn compile_here(&self, component: &[u8], functions: Option<&PathBuf>) -> Result<Vec<u8>, PluginError> {
        let compiled = match functions.filter(|_| Functions::are_worth(component)) {
            Some(folder) => Functions::in_folder(folder.clone()).compile(component),
            None => self.engine.precompile_component(component),
        };
        compiled.map_err(|cause| PluginError::Invalid(format!("the plugin does not compile: {cause:#}")))
    }

    fn compile_in_child(&self, program: &CompilerProgram, component: &[u8]) -> Result<Compiled, PluginError> {
        let folder = self.artefacts.empty_folder();
        let folder = folder.map_err(|cause| PluginError::Engine(cause.to_string()))?;
        program.compile(component, &folder)
    }

    fn prepare(
        &self,
        digest: Digest,
        component: &Bytes,
    ) -> Result<(WasmPlugin, Option<CompileCost>), PluginError> {
        if let Some(compiled) = self.artefacts.load(&self.engine, digest) {
            return Ok((self.link(component, &compiled)?, None));
        }
        // Refused before it is compiled.
        admission::imports(component)?;
        let (compiled, cost) = self.compile(digest, component)?;
        Ok((self.link(component, &compiled)?, cost))
    }

    fn link(&self, component: &[u8], compiled: &Component) -> Result<WasmPlugin, PluginError> {
        let imports = admission::imports(component)?;
        let exports = exports(compiled)?;
        let plugin = self.linker.instantiate_pre(compiled).map_err(|cause| {
            PluginError::Invalid(format!("the plugin does not fit the contract: {cause:#}"))
        })?;
        Ok(WasmPlugin {
            engine: self.engine.clone(),
            ticker: self.ticker.clone(),
            plugin,
            exports,
            imports,
        })
    }

    /// Gives it to those who come later, too.
    fn keep(&self, digest: Digest, plugin: WasmPlugin) -> Arc<dyn Plugin> {
        let plugin = Arc::new(plugin);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|_, plugin| plugin.strong_count() > 0);
        loaded.insert(digest, Arc::downgrade(&plugin));
        plugin
    }
}

/// Machine code that cannot be loaded: mostly, the pool has no room for what the plugin declares.
fn unfit(artefact: &[u8], cause: &wasmtime::Error) -> PluginError {
    if Engine::detect_precompiled(artefact) != Some(Precompiled::Component) {
        return PluginError::Engine("the compiler gave no machine code".to_owned());
    }
    PluginError::Invalid(format!("the plugin does not fit the sandbox: {cause:#}"))
}

fn exports(component: &Component) -> Result<Exports, PluginError> {
    let missing = || PluginError::NoExport(interface("transform"));
    let exported = |name: &str| {
        let mut versions = interfaces(name).into_iter();
        versions.find_map(|full| component.get_export_index(None, &full))
    };
    let function = |instance: &ComponentExportIndex, name: &str| {
        component
            .get_export_index(Some(instance), name)
            .ok_or_else(missing)
    };
    let transform = exported("transform").ok_or_else(missing)?;
    let timed = exported("timed");
    Ok(Exports {
        configure: function(&transform, "configure")?,
        process: function(&transform, "process")?,
        on_timer: timed.map(|timed| function(&timed, "on-timer")).transpose()?,
    })
}

impl PluginRuntime for WasmRuntime {
    fn admit(&self, upload: &Bytes) -> Result<Admitted, PluginError> {
        let component = admission::componentize(upload)?;
        let digest = Digest::of(&component);
        let memory = structure::memory(&component)?;
        let config_schema = config_schema::read(&component)?;
        let (plugin, compiled) = self.prepare(digest, &component)?;
        Ok(Admitted {
            component,
            digest,
            imports: plugin.imports,
            memory,
            config_schema,
            compiled,
        })
    }

    fn at_hand(&self, digest: Digest, component: &Bytes) -> Option<Result<Arc<dyn Plugin>, PluginError>> {
        if let Some(plugin) = self.loaded(digest) {
            return Some(Ok(plugin));
        }
        let compiled = self.artefacts.load(&self.engine, digest)?;
        let plugin = self.link(component, &compiled);
        Some(plugin.map(|plugin| self.keep(digest, plugin)))
    }

    fn load(&self, digest: Digest, component: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        if let Some(plugin) = self.loaded(digest) {
            return Ok(plugin);
        }
        // Compiled without the lock, for it may take seconds; two at once do the same work twice.
        Ok(self.keep(digest, self.prepare(digest, component)?.0))
    }

    fn loaded(&self, digest: Digest) -> Option<Arc<dyn Plugin>> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin: Arc<dyn Plugin> = loaded.get(&digest).and_then(Weak::upgrade)?;
        Some(plugin)
    }

    fn kept(&self) -> Vec<Digest> {
        self.artefacts.kept()
    }

    fn forget(&self, digest: Digest) {
        self.artefacts.remove(digest);
    }
}

impl Plugin for WasmPlugin {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.imports
    }

    fn instantiate(&self, config: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        let instance = WasmInstance::new(
            &self.engine,
            &self.ticker,
            &self.plugin,
            self.exports,
            config,
            limits,
        )?;
        Ok(Box::new(instance))
    }
}
