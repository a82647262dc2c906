//! The clock of an input: what faulty and slow sources do to it, and what it does while nothing comes. The real worker
//! on a store in memory, and the real engine on a broker in memory.

#[path = "../shared/partition.rs"]
mod partition;

mod plugin;
mod quiet;
mod sources;
mod stage;
