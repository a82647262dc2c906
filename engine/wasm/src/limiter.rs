//! Bounds what an instance may take: linear memory and tables, counted while they grow.
//!
//! Growth beyond the limit is a trap and not the -1 of the specification: hardly a guest looks at
//! that, and the crash that follows would not name what was missing.

use tailrace_core::ports::plugins::PluginError;
use wasmtime::ResourceLimiter;

use crate::{
    engine::{MAX_CORE_PER_COMPONENT, MAX_MEMORIES_PER_COMPONENT, MAX_MEMORY_BYTES, MAX_TABLE_ELEMENTS},
    host::Stop,
};

/// What an instance has, and the most it may have.
pub(crate) struct MemoryLimiter {
    memory_bytes: usize,
    memory_limit_bytes: usize,
    /// What it asked for beyond that.
    refused: Option<usize>,
}

impl MemoryLimiter {
    /// For a step with this limit; never more than a slot of the pool.
    pub(crate) fn new(memory_limit_bytes: u64) -> Self {
        let limit = usize::try_from(memory_limit_bytes).unwrap_or(MAX_MEMORY_BYTES);
        Self {
            memory_bytes: 0,
            memory_limit_bytes: limit.min(MAX_MEMORY_BYTES),
            refused: None,
        }
    }

    /// That it takes more memory than it may have, if that is what it was stopped for.
    pub(crate) fn refusal(&self) -> Option<PluginError> {
        self.refused.map(|needs| PluginError::Memory {
            needs: needs as u64,
            allowed: self.memory_limit_bytes as u64,
        })
    }

    /// Linear memory in use.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes as u64
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_sub(current).saturating_add(desired);
        if total > self.memory_limit_bytes {
            let limit = self.memory_limit_bytes;
            self.refused = Some(total);
            return Err(Stop::OutOfMemory(format!(
                "the plugin needs {total} bytes of memory, and limits.memory allows {limit}"
            ))
            .into());
        }
        // Beyond the maximum that the module itself states, growing fails and nothing is taken.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS {
            return Err(Stop::OutOfMemory(format!(
                "the plugin needs a table of {desired} elements, and at most {MAX_TABLE_ELEMENTS} are given"
            ))
            .into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_CORE_PER_COMPONENT as usize
    }

    fn tables(&self) -> usize {
        MAX_CORE_PER_COMPONENT as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES_PER_COMPONENT as usize
    }
}
