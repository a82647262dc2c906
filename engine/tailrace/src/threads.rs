//! Priorities of threads. Only Linux has one for each thread; elsewhere all stay alike.

#[cfg(target_os = "linux")]
use rustix::process::{Pid, getpriority_process, setpriority_process};
use tailrace_core::ports::threads::Threads;

/// Threads of this process.
pub struct SystemThreads;

#[cfg(target_os = "linux")]
impl Threads for SystemThreads {
    fn current(&self) -> u64 {
        // `<process>/task/<thread>`; 0 is no thread, and is never lowered.
        let named = std::fs::read_link("/proc/thread-self").ok();
        let number = named
            .as_ref()
            .and_then(|path| path.file_name()?.to_str()?.parse().ok());
        number.unwrap_or(0)
    }

    fn lower(&self, thread: u64) {
        /// A tenth of the share of a thread at 0, where both want the same processor.
        const NICE: i32 = 10;
        let Some(thread) = i32::try_from(thread).ok().and_then(Pid::from_raw) else {
            return;
        };
        if getpriority_process(Some(thread)).is_ok_and(|nice| nice >= NICE) {
            return;
        }
        if let Err(cause) = setpriority_process(Some(thread), NICE) {
            tracing::debug!(%cause, "a guest thread keeps its priority");
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Threads for SystemThreads {
    fn current(&self) -> u64 {
        0
    }

    fn lower(&self, _: u64) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_put_behind_and_the_others_stay() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        let lowered = std::thread::spawn(move || {
            let thread = SystemThreads.current();
            assert_ne!(thread, 0);
            SystemThreads.lower(thread);
            getpriority_process(Pid::from_raw(thread as i32)).unwrap()
        });
        assert_eq!(lowered.join().unwrap(), before.max(10));
        assert_eq!(nice(), before);
    }
}
