//! What the data plane shows of its own work, beside what `tailrace_core::observe` keeps for readers.
//!
//! - [`context`]: log lines that name their tenant, pipeline and partition;
//! - [`spans`]: the trace of an event, shown once its effects are committed;
//! - [`accuracy`]: sketches held against exact answers.
//!
//! Invariant: nothing here decides what becomes of an event.

pub mod accuracy;
pub mod context;
pub mod spans;
