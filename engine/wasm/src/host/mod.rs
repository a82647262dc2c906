//! The host interfaces: one file for each interface of `wit/`. They count what a call does against
//! its caps and hand it to the engine's `Host`; nothing else.

mod log;
mod sketches;
mod state;
mod vectors;

use tailrace_core::{
    grant::CallLimits,
    ports::plugins::{Host, HostError, TrapCode},
};
use wasmtime::component::Linker;

use crate::room::Room;

/// The package whose interfaces a plugin may import.
pub(crate) const PACKAGE: &str = "tailrace:plugin";
/// Its version.
pub(crate) const VERSION: &str = "0.1.0";

/// What a store holds beside the guest.
pub(crate) struct Guest {
    /// Here during a call of `process`, and only then.
    pub(crate) host: Option<Box<dyn Host>>,
    pub(crate) room: Room,
    pub(crate) call: CallLimits,
    /// Epochs that the call still has once it has lasted long.
    pub(crate) epochs_left: Option<u64>,
    used: Used,
}

/// What the current call has done so far.
#[derive(Default)]
struct Used {
    writes: u32,
    bytes: u64,
    log_lines: u32,
}

/// Why a host function stops the guest. Travels through wasmtime as an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The guest did more than one call may.
    #[error("{0}")]
    OverCap(String),
    /// The guest wants more memory or tables than it may have.
    #[error("{0}")]
    OutOfMemory(String),
    /// The guest asked for what there is not.
    #[error("{0}")]
    Misuse(String),
    /// The tenant has no room for more of something.
    #[error("{1}")]
    Quota(TrapCode, String),
    /// Ours.
    #[error("{0}")]
    Engine(String),
}

impl From<HostError> for Stop {
    fn from(cause: HostError) -> Self {
        match cause {
            HostError::Misuse(reason) => Self::Misuse(reason),
            HostError::StateQuota => Self::Quota(TrapCode::StateQuota, cause.to_string()),
            HostError::VectorQuota => Self::Quota(TrapCode::VectorQuota, cause.to_string()),
            HostError::Store(cause) => Self::Engine(cause.to_string()),
        }
    }
}

impl Guest {
    pub(crate) fn new(call: CallLimits) -> Self {
        Self {
            host: None,
            room: Room::new(call.memory_bytes),
            call,
            epochs_left: None,
            used: Used::default(),
        }
    }

    /// A new call begins.
    pub(crate) fn begin(&mut self, host: Box<dyn Host>) {
        self.host = Some(host);
        self.used = Used::default();
    }

    fn host(&mut self) -> Result<&mut (dyn Host + 'static), Stop> {
        let missing =
            || Stop::Misuse("host interfaces are at hand in process only, not in configure".to_owned());
        self.host.as_deref_mut().ok_or_else(missing)
    }

    /// Counts a write of so many bytes, before it is done.
    fn write(&mut self, bytes: usize) -> Result<(), Stop> {
        self.used.writes += 1;
        if self.used.writes > self.call.writes {
            let most = self.call.writes;
            return Err(Stop::OverCap(format!(
                "more than {most} writes for one event; raise limits.writes if that is meant"
            )));
        }
        self.count_bytes(bytes as u64)
    }

    /// Counts bytes that are written or emitted.
    pub(crate) fn count_bytes(&mut self, bytes: u64) -> Result<(), Stop> {
        self.used.bytes = self.used.bytes.saturating_add(bytes);
        if self.used.bytes > self.call.bytes {
            let most = self.call.bytes;
            return Err(Stop::OverCap(format!(
                "more than {most} bytes for one event; raise limits.bytes if that is meant"
            )));
        }
        Ok(())
    }

    /// Whether another log line is within the cap; lines beyond it are dropped, not fatal.
    fn may_log(&mut self) -> bool {
        self.used.log_lines += 1;
        self.used.log_lines <= self.call.log_lines
    }
}

/// Links every interface; a plugin sees those that it imports.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    // `types` and `transform` have no functions to offer, but a component may import the types.
    linker.instance(&interface("types"))?;
    state::link(&mut linker.instance(&interface("state"))?)?;
    vectors::link(&mut linker.instance(&interface("vectors"))?)?;
    sketches::link(&mut linker.instance(&interface("sketches"))?)?;
    log::link(&mut linker.instance(&interface("log"))?)
}

/// The full name of an interface.
pub(crate) fn interface(name: &str) -> String {
    format!("{PACKAGE}/{name}@{VERSION}")
}
