//! The rules by which the windows and joins of a partition wait, and what was closed under those before
//! ([`tailrace_core::waiting`]). With the first item behind a change, the rules of the revision at work are taken up
//! ([`adopt`]): what is closed stays closed, and what is open waits anew.
//!
//! Why: docs/decisions/0217-what-is-closed-stays-closed.md

mod adopt;

use std::collections::BTreeMap;

use tailrace_core::{
    manifest::LateForWindow,
    waiting::{InForce, WindowRules},
};

use crate::windows::plan::PlannedWindow;

/// The rules in force, as far as events need them.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Whether those of the plan are in force.
    is_adopted: bool,
    windows: BTreeMap<String, Standing>,
    /// The epochs of joins.
    joins: BTreeMap<String, u32>,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// By which its wake-ups are known.
    pub(crate) epoch: u32,
    /// Up to here all results are told.
    pub(crate) told_ms: u64,
    /// Up to here no event is taken, by whether results are corrected.
    closed_ms: [u64; 2],
}

impl Standing {
    fn of(held: &InForce<WindowRules>) -> Self {
        Self {
            epoch: held.epoch,
            told_ms: held.told_ms,
            closed_ms: [false, true].map(|is_corrected| held.taken_up_to_ms(is_corrected)),
        }
    }

    /// What ends by then was closed under rules from before, and takes no event.
    pub(crate) fn closed_for(self, window: &PlannedWindow) -> u64 {
        self.closed_ms[usize::from(window.manifest.late == LateForWindow::Correct)]
    }
}

impl Waiting {
    pub(crate) fn window(&self, step: &str) -> Standing {
        self.windows.get(step).copied().unwrap_or_default()
    }

    /// The epoch of a join.
    pub(crate) fn join(&self, step: &str) -> u32 {
        self.joins.get(step).copied().unwrap_or_default()
    }
}
