//! The journal of a batch's latest event: how to take back each thing that it did, newest first.
//!
//! Why: docs/decisions/0016-rollback-of-one-call.md

use tailrace_core::delta::StateValue;

/// Takes one write back.
#[derive(Debug)]
pub(super) enum Undo {
    /// What the batch said of the entry before: nothing, or this.
    State {
        step: String,
        key: String,
        before: Option<Option<StateValue>>,
    },
    /// What the collection held before, and what the batch said of the vector.
    Vector {
        collection: String,
        id: String,
        before: Option<Vec<f32>>,
        written: Option<Option<Vec<f32>>>,
    },
    /// The last update of a sketch, and whether its window was gone.
    Sketch { name: String, late: bool },
}

impl Undo {
    /// What the batch had written there before, as [`super::Effects::bytes`] counts it.
    fn replaced_bytes(&self) -> usize {
        match self {
            Self::State { key, before, .. } => before.as_ref().map_or(0, |before| {
                key.len() + before.as_ref().map_or(0, |value| value.value.len())
            }),
            Self::Vector { id, written, .. } => written.as_ref().map_or(0, |written| {
                id.len() + written.as_ref().map_or(0, |vector| vector.len() * 4)
            }),
            Self::Sketch { .. } => 0,
        }
    }
}

/// A point to come back to.
#[derive(Debug)]
pub struct Mark {
    length: usize,
    pub(super) outputs: usize,
    pub(super) output_bytes: usize,
    pub(super) write_bytes: usize,
}

/// Bounded by the caps on the writes of one event.
#[derive(Debug, Default)]
pub(super) struct Journal(Vec<Undo>);

impl Journal {
    pub(super) fn push(&mut self, undo: Undo) {
        self.0.push(undo);
    }

    pub(super) fn mark(&self, outputs: usize, output_bytes: usize, write_bytes: usize) -> Mark {
        Mark {
            length: self.0.len(),
            outputs,
            output_bytes,
            write_bytes,
        }
    }

    /// Whether entries of this step were written since the mark.
    pub(super) fn has_written(&self, step: &str, mark: &Mark) -> bool {
        let since = self.0.get(mark.length..).unwrap_or_default();
        since
            .iter()
            .any(|undo| matches!(undo, Undo::State { step: written, .. } if written == step))
    }

    pub(super) fn pop_after(&mut self, mark: &Mark) -> Option<Undo> {
        if self.0.len() > mark.length {
            self.0.pop()
        } else {
            None
        }
    }

    /// Forgets all of it, and says how many bytes of the batch's writes the event has replaced.
    pub(super) fn clear(&mut self) -> usize {
        self.0.drain(..).map(|undo| undo.replaced_bytes()).sum()
    }
}
