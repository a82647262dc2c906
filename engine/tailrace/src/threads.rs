//! Priorities of threads. Only Linux has one for each thread; elsewhere all stay alike.

use tailrace_core::ports::threads::Threads;

/// Threads of this process.
pub struct SystemThreads;

#[cfg(target_os = "linux")]
impl Threads for SystemThreads {
    fn lower_this(&self) {
        use rustix::process::{getpriority_process, setpriority_process};
        /// A tenth of the share of a thread at 0, where both want the same processor.
        const NICE: i32 = 10;
        // On Linux no process means the calling thread.
        if getpriority_process(None).is_ok_and(|nice| nice >= NICE) {
            return;
        }
        if let Err(cause) = setpriority_process(None, NICE) {
            tracing::debug!(%cause, "a guest thread keeps its priority");
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Threads for SystemThreads {
    fn lower_this(&self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn one_thread_is_put_behind_and_the_others_stay() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        let lowered = std::thread::spawn(move || {
            SystemThreads.lower_this();
            nice()
        });
        assert_eq!(lowered.join().unwrap(), before.max(10));
        assert_eq!(nice(), before);
    }
}
