//! What a tenant can watch while a pipeline runs: samples of calls ([`tap`](crate::observe::tap)) and lines
//! of its plugins ([`logs`](crate::observe::logs)). Both are [`live`](crate::observe::live) streams: they
//! cost an atomic load an event while nobody watches, and no watcher, however slow, holds an event up.
//! [`watch_permits`](crate::observe::watch_permits) bounds how many may watch.
//!
//! What is shown is what this engine processes, when it processes it: before the commit, and again
//! when a try is repeated.
//!
//! Why: docs/decisions/0031-watchers-never-hold-anything-up.md

use std::sync::Arc;

use crate::observe::{logs::Logs, tap::Tap};

/// The views of one pipeline on this engine.
#[derive(Default)]
pub struct Views {
    /// Samples of calls.
    pub tap: Arc<Tap>,
    /// Lines of its plugins.
    pub logs: Logs,
}

impl Views {
    /// The pipeline is deleted: every stream ends.
    pub fn close(&self) {
        self.tap.close();
        self.logs.close();
    }
}
