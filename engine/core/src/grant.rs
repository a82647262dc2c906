//! What a step may use and how much of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// Most linear memory of an instance, where the tenant's quota allows it.
pub const MOST_MEMORY_BYTES: u64 = 1 << 30;

/// The least round `limits.memory` for a plugin that needs so many bytes; none where no step may have as much.
pub fn enough_memory(needs: u64) -> Option<Bytes> {
    let enough = needs.checked_next_power_of_two()?;
    (enough <= MOST_MEMORY_BYTES).then_some(Bytes(enough))
}

/// A host interface that a pipeline may grant to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The interface `tailrace:plugin/state`.
    State,
    /// The interface `tailrace:plugin/vectors`.
    Vectors,
    /// The interface `tailrace:plugin/sketches`.
    Sketches,
    /// The interface `tailrace:plugin/log`.
    Log,
    /// The interface `tailrace:plugin/timers`.
    Timers,
    /// The interface `tailrace:plugin/tables`.
    Tables,
}

/// What one call, and what one event, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallLimits {
    /// Instructions, roughly, of one `process` call.
    pub fuel: u64,
    /// Linear memory of the instance.
    pub memory_bytes: u64,
    /// Wall time of one call.
    pub deadline: Duration,
    /// Messages that one call may emit.
    pub messages: u32,
    /// Bytes of messages, state and vectors that one call may write.
    pub bytes: u64,
    /// State, vector, sketch and timer writes of one call.
    pub writes: u32,
    /// Log lines of one call.
    pub log_lines: u32,
}
