//! A commit that is being stored, beside the work.

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    delta::Delta,
    observe::{progress::Cursor, stats::BatchStats},
};
use tokio::task::JoinHandle;

use crate::{observe::spans::EventSpans, partition::commit::CommitOutcome};

/// A commit that is being stored.
pub(super) struct UnderWay {
    pub(super) store: JoinHandle<CommitOutcome>,
    pub(super) delta: Arc<Delta>,
    pub(super) stats: BatchStats,
    pub(super) traced: Vec<EventSpans>,
    pub(super) claim: Cursor,
    /// The revision that made it.
    pub(super) revision: u64,
    /// Parts of its record.
    pub(super) parts: u64,
    pub(super) began: Duration,
}

/// The outcome of the commit under way; where there is none, it waits for ever.
pub(super) async fn outcome(under_way: Option<&mut UnderWay>) -> CommitOutcome {
    match under_way {
        // A task that is lost has panicked; taking it for a fence makes the partition recover.
        Some(under_way) => (&mut under_way.store).await.unwrap_or(CommitOutcome::Fenced),
        None => std::future::pending().await,
    }
}
