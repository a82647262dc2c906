//! What `perf` took at one moment.

/// A sample: the thread, and its frames from the innermost out.
#[derive(Debug, Default)]
pub struct Sample {
    /// Name of the thread.
    pub thread: String,
    /// What was running, innermost first.
    pub frames: Vec<Frame>,
}

/// One frame.
#[derive(Debug)]
pub struct Frame {
    /// The function; `[unknown]` in code that was compiled while running.
    pub symbol: String,
    /// Whether it is the kernel's.
    pub kernel: bool,
}
