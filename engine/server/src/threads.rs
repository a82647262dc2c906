//! Ranks of threads. Only Linux has what is asked for here; elsewhere all threads stay alike.
//!
//! Why: docs/decisions/0050-the-api-has-its-own-threads.md

use tailrace_core::ports::threads::Threads;

/// Threads of this process.
pub struct SystemThreads;

impl Threads for SystemThreads {
    fn lower_this(&self) {
        if let Err(cause) = system::lower_this() {
            tracing::debug!(%cause, "a guest thread keeps its rank");
        }
    }
}

/// Puts the calling thread before all others of the machine that are not in real time too. Threads and
/// processes that it starts are like the others.
pub fn raise_this() -> anyhow::Result<()> {
    system::raise_this()
}

/// Lets the calling thread take a processor the moment it wakes from one that is in the midst of its turn
/// (Linux from 6.12 on, without any right): its own turns are the shortest, its share is what it was. Threads
/// and processes that it starts are like the others.
pub fn hasten_this() -> anyhow::Result<()> {
    system::hasten_this()
}

/// Whether the calling thread is in real time.
#[cfg(all(test, target_os = "linux"))]
pub use system::is_first;
/// Nanoseconds of the calling thread's turns; none before Linux 6.12.
#[cfg(all(test, target_os = "linux"))]
pub use system::{SLICE, slice};

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use anyhow::Context as _;
    use rustix::process::getpriority_process;

    /// A tenth of the share of a thread at 0, where both want the same processor.
    pub(super) const LOWERED: i32 = 10;
    /// Nanoseconds that a lowered thread runs before one that wakes may take its place: the least that Linux
    /// grants. By itself it is 3 to 4 ms, however low the thread, and that is what a neighbour would wait. A
    /// hastened thread has it because one that wakes takes the place of those with longer ones at once
    /// (`PREEMPT_SHORT` of Linux).
    pub const SLICE: u64 = 100_000;
    /// The least of the ranks in real time, above all others.
    const FIRST: u32 = 1;

    pub(super) fn lower_this() -> anyhow::Result<()> {
        // On Linux no process means the calling thread.
        let nice = getpriority_process(None)?.max(LOWERED);
        set(&libc::sched_attr {
            sched_nice: nice,
            sched_runtime: SLICE,
            ..ordinary()
        })?;
        Ok(())
    }

    pub(super) fn raise_this() -> anyhow::Result<()> {
        let first = libc::sched_attr {
            // In turn with its like.
            sched_policy: libc::SCHED_RR as u32,
            sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
            sched_priority: FIRST,
            ..ordinary()
        };
        set(&first).context(
            "the system does not grant http.real-time: give the engine CAP_SYS_NICE \
             (systemd: AmbientCapabilities=CAP_SYS_NICE), or set it to false",
        )
    }

    pub(super) fn hasten_this() -> anyhow::Result<()> {
        set(&libc::sched_attr {
            // As it is: whoever started the engine may have lowered it.
            sched_nice: getpriority_process(None)?,
            sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
            sched_runtime: SLICE,
            ..ordinary()
        })?;
        Ok(())
    }

    fn ordinary() -> libc::sched_attr {
        libc::sched_attr {
            size: size_of::<libc::sched_attr>() as u32,
            sched_policy: libc::SCHED_OTHER as u32,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        }
    }

    #[cfg(test)]
    #[allow(unsafe_code)]
    pub fn is_first() -> bool {
        // SAFETY: it takes a number and gives one.
        let policy = unsafe { libc::sched_getscheduler(0) };
        policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_RR
    }

    /// The slice of the calling thread, in nanoseconds.
    #[cfg(test)]
    #[allow(unsafe_code)]
    pub fn slice() -> u64 {
        let mut read = ordinary();
        let (place, size): (*mut libc::sched_attr, _) = (&raw mut read, read.size);
        // SAFETY: the kernel writes at most `size` bytes behind the pointer.
        let outcome = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, place, size, 0) };
        assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
        read.sched_runtime
    }

    #[allow(unsafe_code)]
    fn set(attributes: &libc::sched_attr) -> io::Result<()> {
        const THIS_THREAD: libc::pid_t = 0;
        const NO_FLAGS: libc::c_uint = 0;
        let attributes: *const libc::sched_attr = attributes;
        // SAFETY: the kernel reads as many bytes behind the pointer as `size` says, and keeps none of them.
        let outcome = unsafe { libc::syscall(libc::SYS_sched_setattr, THIS_THREAD, attributes, NO_FLAGS) };
        match outcome {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn lower_this() -> anyhow::Result<()> {
        Ok(())
    }

    pub(super) fn hasten_this() -> anyhow::Result<()> {
        Ok(())
    }

    pub(super) fn raise_this() -> anyhow::Result<()> {
        anyhow::bail!("http.real-time is for Linux only; set it to false")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::{Arc, mpsc};

    use rustix::process::getpriority_process;
    use tailrace_core::{
        name::Name,
        ports::{executor::Executor as _, threads::call_lasts},
    };
    use tailrace_dataplane::schedule::Turns;

    use super::*;
    use crate::system::SystemClock;

    #[test]
    fn who_takes_the_place_of_a_lowered_thread_is_not_lowered() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        let turns = Turns::start(2, Arc::new(SystemClock::new()), Arc::new(SystemThreads)).unwrap();
        let (done, served) = mpsc::sync_channel(4);
        for lasts in [true, true, true, false, false, false] {
            let done = done.clone();
            let job = move || {
                let at_first = nice();
                if lasts {
                    call_lasts();
                }
                done.send((at_first, nice())).unwrap();
                0
            };
            turns.submit(&Name::new("t").unwrap(), Box::new(job));
            let then = if lasts {
                before.max(system::LOWERED)
            } else {
                before
            };
            assert_eq!(served.recv().unwrap(), (before, then));
        }
    }

    #[test]
    fn one_thread_is_put_behind_and_the_others_stay() {
        let rank = || (getpriority_process(None).unwrap(), system::slice());
        let before = rank();
        let lowered = std::thread::spawn(move || {
            SystemThreads.lower_this();
            rank()
        });
        // Before Linux 6.12 a slice is the system's own affair, and reads as none.
        let slice = before.1.min(SLICE);
        assert_eq!(lowered.join().unwrap(), (before.0.max(system::LOWERED), slice));
        assert_eq!(rank(), before);
    }

    #[test]
    fn a_hastened_thread_keeps_its_rank_and_hastens_nobody() {
        let rank = || (getpriority_process(None).unwrap(), system::slice());
        let before = rank();
        let (hastened, child) = std::thread::spawn(move || {
            hasten_this().unwrap();
            (rank(), std::thread::spawn(rank).join().unwrap())
        })
        .join()
        .unwrap();
        assert_eq!((hastened, child), ((before.0, before.1.min(SLICE)), before));
    }

    #[test]
    fn a_thread_in_real_time_starts_none_of_its_rank() {
        let started = std::thread::spawn(|| {
            let granted = raise_this();
            let here = is_first();
            let child = std::thread::spawn(is_first).join().unwrap();
            (granted, here, child)
        });
        let (granted, here, child) = started.join().unwrap();
        assert!(!child);
        assert_eq!(here, granted.is_ok());
        if let Err(refused) = granted {
            // Where nobody may have it, whoever asks is told how to get it.
            assert!(format!("{refused:#}").contains("CAP_SYS_NICE"), "{refused:#}");
        }
    }
}
