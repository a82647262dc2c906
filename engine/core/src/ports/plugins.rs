//! The sandbox, as the engine sees it. Implemented by `engine/wasm`.
//!
//! Three lifetimes, three types: [`PluginRuntime`] is one a process, [`Plugin`] one a digest
//! (compiled once), [`Instance`] one a step of a partition (thrown away after a trap).

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    codes::codes,
    event::{Event, Rejection, Verdict},
    grant::{CallLimits, Grant, MOST_MEMORY_BYTES, enough_memory},
    identity::Digest,
    ports::store::{Neighbour, StoreError},
    schema::ConfigSchema,
    timer::Timer,
    units,
};

/// What an upload turned out to be.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The component; differs from the upload where that was a core module.
    pub component: Bytes,
    /// Of the component.
    pub digest: Digest,
    /// Interfaces it imports and must be granted.
    pub imports: BTreeSet<Grant>,
    /// Linear memory that it declares.
    pub memory: DeclaredMemory,
    /// What its config must look like, where it says so.
    pub config_schema: Option<ConfigSchema>,
    /// What compiling it took; none where it was at hand, or compiled in the engine's own process.
    pub compiled: Option<CompileCost>,
}

/// Linear memory that a plugin declares, over all of its core modules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DeclaredMemory {
    /// What every instance begins with.
    pub initial_bytes: u64,
    /// What it says that it will never pass; none where it does not say.
    pub maximum_bytes: Option<u64>,
}

/// What compiling a plugin took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CompileCost {
    /// Processor time.
    pub processor_ms: u64,
    /// Size of the machine code.
    pub artefact_bytes: u64,
}

/// What one compilation may take at most, as the tenant is told when it took more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompileLimit {
    /// Memory of the compiler.
    #[error("{0} bytes of memory")]
    Memory(u64),
    /// Processor time.
    #[error("{0} s of processor time")]
    Processor(u64),
    /// Wall time: mostly, the machine is busy.
    #[error("{0} s")]
    Wall(u64),
    /// Machine code.
    #[error("{0} bytes of machine code")]
    Artefact(u64),
}

/// Why an upload or a plugin was refused. Always the tenant's, except [`PluginError::Engine`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum PluginError {
    /// Not a component or module, or not within the structural limits.
    #[error("{0}")]
    Invalid(String),
    /// It imports what no plugin may have.
    #[error("the plugin imports {import:?}, which is not part of tailrace:plugin; {hint}")]
    Import {
        /// The first such import.
        import: String,
        /// How to build without it.
        hint: String,
    },
    /// It lacks the export that makes it a plugin.
    #[error("the plugin does not export {0:?}; with the Rust SDK, add `tailrace_sdk::export!(YourPlugin);`")]
    NoExport(String),
    /// Compiling it takes more than one compilation may.
    #[error("compiling the plugin took more than {0}, the most for one; {hint}", hint = hint(*.0))]
    TooCostly(CompileLimit),
    /// The compiler itself broke down on it.
    #[error(
        "the compiler broke down on the plugin ({0}); build it with another optimisation level, or without what you added last, and report the plugin if it is an honest one"
    )]
    Uncompilable(String),
    /// `configure` returned an error, or failed.
    #[error("the plugin refuses its config: {0}")]
    Config(String),
    /// It takes more memory than its step allows, before its first event.
    #[error("{}", too_little(*.needs, *.allowed))]
    Memory {
        /// Bytes that it asked for when it was stopped.
        needs: u64,
        /// Bytes that it may have.
        allowed: u64,
    },
    /// Ours: the sandbox itself failed.
    #[error("the sandbox failed: {0}")]
    Engine(String),
}

fn hint(passed: CompileLimit) -> &'static str {
    match passed {
        CompileLimit::Wall(_) => "the engine may be busy, so try again; else make the plugin smaller",
        _ => "split its largest functions, leave out what it does not need, and optimise for size",
    }
}

fn too_little(needs: u64, allowed: u64) -> String {
    let way_out = enough_memory(needs).map_or_else(
        || format!("no step may have more than {}", units::Bytes(MOST_MEMORY_BYTES)),
        |enough| format!("write limits: {{ memory: {enough} }} in its step"),
    );
    let allowed = units::Bytes(allowed);
    format!(
        "the plugin needs {needs} bytes of memory to begin with, and the step allows {allowed}; {way_out}"
    )
}

/// One a process.
pub trait PluginRuntime: Send + Sync {
    /// Checks an upload, turns a core module into a component, and compiles it to be sure that it can be.
    fn admit(&self, upload: &Bytes) -> Result<Admitted, PluginError>;
    /// Gives a plugin ready to be instantiated if its machine code is at hand; none where it has to be
    /// compiled, which takes a permit of [`crate::compile_semaphore`].
    fn at_hand(&self, digest: Digest, component: &Bytes) -> Option<Result<Arc<dyn Plugin>, PluginError>> {
        Some(self.load(digest, component))
    }
    /// Gives a plugin ready to be instantiated: from the artefact cache, or compiled now.
    fn load(&self, digest: Digest, component: &Bytes) -> Result<Arc<dyn Plugin>, PluginError>;
    /// A plugin that is at work already, so that its bytes need not be fetched.
    fn loaded(&self, _digest: Digest) -> Option<Arc<dyn Plugin>> {
        None
    }
    /// Plugins whose machine code is at hand, used or not.
    fn kept(&self) -> Vec<Digest> {
        Vec::new()
    }
    /// Deletes the machine code of a plugin that nobody needs any more. Where somebody does, it is compiled anew.
    fn forget(&self, _digest: Digest) {}
}

/// One a digest.
pub trait Plugin: Send + Sync {
    /// Interfaces it imports.
    fn imports(&self) -> &BTreeSet<Grant>;
    /// A fresh instance with its limits, configured with `config` (JSON text).
    fn instantiate(&self, config: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError>;
}

/// One a step of a partition. After a trap it is spent: [`Instance::is_spent`].
pub trait Instance: Send {
    /// Calls the plugin for one event, with this host for its time.
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call;
    /// Calls the plugin for a timer that it has set. The verdict is [`Verdict::Emit`] or [`Verdict::Drop`].
    fn on_timer(&mut self, timer: &Timer, _host: &mut dyn Host) -> Call {
        Call::not_timed(timer)
    }
    /// Whether a trap has made it unusable, so that a new one is needed.
    fn is_spent(&self) -> bool;
    /// Bytes of linear memory in use.
    fn memory_bytes(&self) -> u64;
}

/// What came of one call.
#[derive(Debug)]
pub struct Call {
    /// The verdict, or why there is none.
    pub result: Result<Verdict, CallFailure>,
    /// Fuel that it used.
    pub fuel: u64,
}

impl Call {
    /// A timer is due at a plugin that has no function for it: another version of the plugin has set it.
    pub fn not_timed(timer: &Timer) -> Self {
        Self {
            result: Err(CallFailure::Trap(Trap {
                code: TrapCode::Misuse,
                message: format!(
                    "timer {:?} is due, and the plugin does not export `timed`; give the step a version that does, and redrive",
                    timer.name
                ),
                backtrace: Vec::new(),
            })),
            fuel: 0,
        }
    }
}

/// Why a call gave no verdict.
#[derive(Debug, Clone)]
pub enum CallFailure {
    /// The event is at fault; not tried again.
    Invalid(Rejection),
    /// The plugin asks for another try.
    Transient(String),
    /// The plugin was stopped.
    Trap(Trap),
    /// Ours: the engine failed under the plugin; the event is not judged.
    Engine(String),
}

/// How a plugin was stopped.
#[derive(Debug, Clone)]
pub struct Trap {
    /// What stopped it.
    pub code: TrapCode,
    /// For a person to read.
    pub message: String,
    /// The guest's frames, innermost first; none of the host's.
    pub backtrace: Vec<String>,
}

codes! {
    /// The kinds of trap; stable, for counting. Records hold their number, so another one comes last.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum TrapCode {
        /// `unreachable`, a panic, a bad memory access, a division by zero, a malformed result.
        Crash = "crash",
        /// The fuel ran out.
        OutOfFuel = "out-of-fuel",
        /// The deadline passed.
        Deadline = "deadline",
        /// Memory, tables, handles or host-call memory beyond the limits.
        OutOfMemory = "out-of-memory",
        /// More messages, bytes or writes than one event may cause. Log lines beyond their cap are left out.
        OverCap = "over-cap",
        /// A host interface was misused: an unknown collection, a wrong dimension.
        Misuse = "misuse",
        /// The tenant's quota of state leaves no room for what would be written.
        StateQuota = "state-quota",
        /// The tenant's quota of vectors leaves no room for what would be written.
        VectorQuota = "vector-quota",
    }
}

impl TrapCode {
    /// Whether the same call may come to its end later; the others repeat, but for what an instance has
    /// kept in memory.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Deadline | Self::StateQuota | Self::VectorQuota)
    }
}

/// Severity of a plugin's log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something is wrong.
    Error,
}

/// Why the host refused a call of the guest.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The guest's fault: it traps with [`TrapCode::Misuse`].
    #[error("{0}")]
    Misuse(String),
    /// The tenant's: it traps with [`TrapCode::StateQuota`].
    #[error(
        "the tenant's quota of state is used up; delete state (tailrace state delete), let it end (ttl), or ask an operator to raise state-bytes"
    )]
    StateQuota,
    /// The tenant's: it traps with [`TrapCode::VectorQuota`].
    #[error(
        "the tenant's quota of vectors is used up; delete vectors, or ask an operator to raise vector-bytes"
    )]
    VectorQuota,
    /// Ours: the store failed. The event is not judged; the partition recovers.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a plugin may ask of the engine while it processes an event; the host side of `wit/`.
/// Implemented by the data plane's effects. Caps on the number of calls are the sandbox's business.
pub trait Host {
    /// `state.get`
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, HostError>;
    /// `state.set`; `ttl_ms` in event time.
    fn state_set(&mut self, key: &str, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), HostError>;
    /// `state.delete`
    fn state_delete(&mut self, key: &str) -> Result<(), HostError>;
    /// `state.scan`
    fn state_scan(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, HostError>;
    /// `vectors.get`
    fn vector_get(&mut self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, HostError>;
    /// `vectors.set`
    fn vector_set(&mut self, collection: &str, id: &str, vector: Vec<f32>) -> Result<(), HostError>;
    /// `vectors.delete`
    fn vector_delete(&mut self, collection: &str, id: &str) -> Result<(), HostError>;
    /// `vectors.nearest`
    fn vectors_nearest(
        &mut self,
        collection: &str,
        query: &[f32],
        k: u32,
    ) -> Result<Vec<Neighbour>, HostError>;
    /// `sketches.observe`
    fn sketch_observe(&mut self, name: &str, value: f64) -> Result<(), HostError>;
    /// `sketches.distinct`
    fn sketch_distinct(&mut self, name: &str, item: &str) -> Result<(), HostError>;
    /// `sketches.count`
    fn sketch_count(&mut self, name: &str, item: &str, times: u64) -> Result<(), HostError>;
    /// `sketches.quantile`; `q` from 0 to 1.
    fn sketch_quantile(&mut self, name: &str, q: f64) -> Result<Option<f64>, HostError>;
    /// `sketches.estimate`: different items, or occurrences of this one.
    fn sketch_estimate(&mut self, name: &str, item: Option<&str>) -> Result<u64, HostError>;
    /// `sketches.top`: items and their occurrences, the most frequent first.
    fn sketch_top(&mut self, name: &str, limit: u32) -> Result<Vec<(String, u64)>, HostError>;
    /// `sketches.total`
    fn sketch_total(&mut self, name: &str) -> Result<u64, HostError>;
    /// `timers.set`; `at_ms` in event time.
    fn timer_set(&mut self, name: &str, at_ms: u64, payload: Vec<u8>) -> Result<(), HostError>;
    /// `timers.cancel`
    fn timer_cancel(&mut self, name: &str) -> Result<(), HostError>;
    /// `timers.get`
    fn timer_get(&mut self, name: &str) -> Result<Option<u64>, HostError>;
    /// `timers.watermark`
    fn watermark(&self) -> u64;
    /// `tables.get`
    fn table_get(&mut self, table: &str, key: &str) -> Result<Option<Vec<u8>>, HostError>;
    /// `log.log`
    fn log(&mut self, level: LogLevel, message: &str);
}
