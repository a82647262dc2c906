//! What a test lets happen to state stores: a commit between two reads of one query, a merge that takes its time, a key
//! on a damaged block of the disk, a disk that is full.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use tailrace_core::ports::store::StoreError;

use crate::sync::lock;

/// Longest that a merge waits for the test.
const PATIENCE: Duration = Duration::from_secs(30);

type Act = Box<dyn FnOnce() + Send>;

/// The disturbances of a store; none by itself.
#[derive(Default)]
pub(super) struct Disturbances {
    interruption: Mutex<Option<(u64, Act)>>,
    gate: Mutex<Option<Receiver<()>>>,
    damaged: Mutex<BTreeSet<String>>,
    is_full: AtomicBool,
}

impl Disturbances {
    pub(super) fn interrupt(&self, after: u64, act: Act) {
        *lock(&self.interruption) = Some((after, act));
    }

    pub(super) fn leave_alone(&self) {
        *lock(&self.interruption) = None;
    }

    pub(super) fn hold_merge(&self, gate: Receiver<()>) {
        *lock(&self.gate) = Some(gate);
    }

    pub(super) fn damage(&self, key: &str) {
        lock(&self.damaged).insert(key.to_owned());
    }

    pub(super) fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Fails where nothing can be written.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(StoreError::NoRoom("no storage space".to_owned()));
        }
        Ok(())
    }

    /// Something was read; no lock of the state store is held.
    pub(super) fn is_read(&self) {
        let mut waiting = lock(&self.interruption);
        match waiting.take() {
            Some((0, act)) => {
                drop(waiting);
                act();
            }
            Some((left, act)) => *waiting = Some((left - 1, act)),
            None => {}
        }
    }

    /// Fails where the key lies on a damaged block.
    pub(super) fn check(&self, key: &str) -> Result<(), StoreError> {
        if lock(&self.damaged).contains(key) {
            let folder = super::folder::FOLDER;
            return Err(StoreError::Io(format!("{folder}: input/output error")));
        }
        Ok(())
    }

    /// Waits where a test holds merges up.
    pub(super) fn merge(&self) {
        let gate = lock(&self.gate).take();
        if let Some(gate) = gate {
            gate.recv_timeout(PATIENCE)
                .expect("the test lets the merge go on");
        }
    }
}
