//! What a store holds of a guest: its limits, and what the current call has used of them.

use tailrace_core::grant::CallLimits;

use super::Stop;
use crate::limiter::MemoryLimiter;

/// The data of a guest's store.
pub(crate) struct Guest {
    pub(crate) limiter: MemoryLimiter,
    pub(crate) call: CallLimits,
    /// Epochs that the call still has once it has lasted long.
    pub(crate) epochs_left: Option<u64>,
    /// What it said before it trapped.
    pub(crate) last_words: Option<String>,
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
            limiter: MemoryLimiter::new(call.memory_bytes),
            call,
            epochs_left: None,
            last_words: None,
            used: Used::default(),
        }
    }

    /// A new call begins.
    pub(crate) fn begin(&mut self) {
        self.used = Used::default();
        self.last_words = None;
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
