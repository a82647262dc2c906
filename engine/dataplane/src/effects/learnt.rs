//! What plugins read of sketches: as of the last sealed batch, whether its commit is in the state store yet or not.
//!
//! Invariant: an answer hangs on the batches before this one and on nothing else, neither on how far a commit has come
//! nor on the updates of this batch. So a batch that is processed again with the same beginning reads the same.
//!
//! Why: docs/decisions/0126-plugins-read-sketches-of-the-batches-before.md

use std::{cell::RefCell, collections::BTreeMap};

use tailrace_core::delta::Delta;
use tailrace_sketch::Sketch;

/// The sketches that plugins have read. There are no more of them than the manifest declares.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) known: RefCell<BTreeMap<String, Sketch>>,
    /// The number of the commit that is under way, or of the last one.
    pub(super) sealed: u64,
}

impl Learnt {
    /// A batch is sealed: from now on it is read.
    pub(super) fn seal(&mut self, delta: &Delta, commit: u64) {
        self.sealed = commit;
        for (name, sketch) in self.known.get_mut() {
            take_in(sketch, delta, name);
        }
    }

    /// Another revision may declare other sketches.
    pub(super) fn forget(&mut self) {
        self.known.get_mut().clear();
    }
}

/// Takes in what a batch has told a sketch.
pub(super) fn take_in(sketch: &mut Sketch, delta: &Delta, name: &str) {
    for update in delta.sketches.get(name).into_iter().flatten() {
        // One that does not fit is left out, as the state store does.
        let _ = sketch.apply(update);
    }
}
