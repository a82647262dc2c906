//! Timers of plugins: the real worker on a store in memory, with a plugin that does what it is told.

#[path = "../shared/partition.rs"]
mod partition;

mod failing;
mod firing;
mod plugin;
mod sketches;
mod stage;
mod storm;
