//! Threads, as the operating system ranks them for the processor.

/// Ranks threads.
pub trait Threads: Send + Sync {
    /// The calling thread, by a number of the system's.
    fn current(&self) -> u64;
    /// Puts a thread behind the others, for the rest of its life: systems let nobody take that back who
    /// has no special right.
    fn lower(&self, thread: u64);
}

/// Where all threads are alike.
pub struct Alike;

impl Threads for Alike {
    fn current(&self) -> u64 {
        0
    }

    fn lower(&self, _: u64) {}
}
