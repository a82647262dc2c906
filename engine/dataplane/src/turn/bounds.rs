//! When a batch is full.

/// Most messages of a batch. The broker takes 1,000 in one atomic batch, and the record needs room:
/// 50 parts of a megabyte are far more than [`MAX_BATCH_BYTES`] can fill.
pub const MAX_BATCH_MESSAGES: usize = 950;
/// Most events of a batch, where they publish little: bounds what a crash does again.
pub const MAX_BATCH_EVENTS: u64 = 2_000;
/// A batch is full when it would publish and write this much.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
