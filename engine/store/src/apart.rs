//! sled's handles are let go of on a thread of their own. The last one flushes the database, and waits for ever
//! where a file of a great value could not be written: the place in the log that was claimed for it is never
//! given back. Nobody who has work to do may wait for that.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

/// Longest wait for sled. A database of 200 MiB takes a quarter of a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// Handles of sled's.
pub(crate) struct Apart<T: Send + 'static> {
    handles: Option<T>,
    is_stuck: Arc<AtomicBool>,
}

impl<T: Send + 'static> Apart<T> {
    /// `is_stuck` is set where letting go does not come to an end.
    pub(crate) fn new(handles: T, is_stuck: Arc<AtomicBool>) -> Self {
        Self {
            handles: Some(handles),
            is_stuck,
        }
    }
}

impl<T: Send + 'static> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.handles.as_ref().expect("they are there until the drop")
    }
}

impl<T: Send + 'static> Drop for Apart<T> {
    fn drop(&mut self) {
        let handles = self.handles.take();
        let (ended, has_ended) = sync_channel::<()>(1);
        let spawned = thread::Builder::new()
            .name("store-close".to_owned())
            .spawn(move || {
                drop(handles);
                drop(ended);
            });
        // Where there is no thread to be had, the handles are gone by now.
        if spawned.is_ok() && has_ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            self.is_stuck.store(true, Ordering::SeqCst);
        }
    }
}

/// Does something with sled that may wait for ever; none where it does.
pub(crate) fn within_patience<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, is_done) = sync_channel(1);
    let act = move || {
        let _ = done.send(act());
    };
    thread::Builder::new()
        .name("store-wait".to_owned())
        .spawn(act)
        .ok()?;
    is_done.recv_timeout(PATIENCE).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;

    /// Ends when it is told to.
    struct Slow(Receiver<()>);

    impl Drop for Slow {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[test]
    fn what_does_not_end_is_left_behind_and_said() {
        let is_stuck = Arc::new(AtomicBool::new(false));
        let (end, ended) = sync_channel(1);
        end.send(()).unwrap();
        drop(Apart::new(Slow(ended), is_stuck.clone()));
        assert!(!is_stuck.load(Ordering::SeqCst));
        let (_end, ended) = sync_channel(1);
        drop(Apart::new(Slow(ended), is_stuck.clone()));
        assert!(is_stuck.load(Ordering::SeqCst));
        assert_eq!(within_patience(|| 7), Some(7));
        assert_eq!(within_patience(thread::park), None);
    }
}
