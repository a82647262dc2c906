//! What a store holds of a guest: the host of the current call, its limits, and what it has used of them.

use tailrace_core::ports::plugins::{CallLimits, Host};

use super::Stop;
use crate::limiter::MemoryLimiter;

/// The data of a guest's store.
pub(crate) struct Guest {
    /// Here during a call of `process`, and only then.
    pub(crate) host: Option<Box<dyn Host>>,
    pub(crate) limiter: MemoryLimiter,
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

impl Guest {
    pub(crate) fn new(call: CallLimits) -> Self {
        Self {
            host: None,
            limiter: MemoryLimiter::new(call.memory_bytes),
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

    pub(super) fn host(&mut self) -> Result<&mut (dyn Host + 'static), Stop> {
        let missing =
            || Stop::Misuse("host interfaces are at hand in process only, not in configure".to_owned());
        self.host.as_deref_mut().ok_or_else(missing)
    }

    /// Counts a write of so many bytes, before it is done.
    pub(super) fn write(&mut self, bytes: usize) -> Result<(), Stop> {
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
    pub(super) fn may_log(&mut self) -> bool {
        self.used.log_lines += 1;
        self.used.log_lines <= self.call.log_lines
    }
}
