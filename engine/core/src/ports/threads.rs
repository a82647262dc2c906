//! Threads, as the operating system ranks them for the processor.

/// Ranks threads.
pub trait Threads: Send + Sync {
    /// Puts the calling thread behind the others, for the rest of its life: systems let nobody take that back
    /// who has no special right.
    fn lower_this(&self);
}

/// Where all threads are alike.
pub struct Alike;

impl Threads for Alike {
    fn lower_this(&self) {}
}
