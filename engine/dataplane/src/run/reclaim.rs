//! Now and then the local store gives disk back that tenants' databases hold without need. One pass at a time, on a
//! thread that may block; neither commits nor queries wait for it.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{sync::Arc, time::Duration};

use tailrace_core::{ports::store::LocalStore, tasks};
use tokio::{
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

/// After the start, which has enough to do.
const FIRST_AFTER: Duration = Duration::from_mins(1);
/// Longest wait for a pass when the engine stops: it stops at its next step, some milliseconds later.
const PATIENCE: Duration = Duration::from_secs(5);

/// The passes.
pub(super) struct Reclaiming {
    /// None where there are no passes.
    ticks: Option<Interval>,
    pass: Option<JoinHandle<()>>,
}

impl Reclaiming {
    /// A pass over databases that are as they should be costs next to nothing.
    pub(super) fn begin(every: Option<Duration>) -> Self {
        let ticks = every.map(|every| {
            let mut ticks = interval_at(Instant::now() + FIRST_AFTER, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self { ticks, pass: None }
    }

    /// Waits until the next pass is due.
    pub(super) async fn due(&mut self) {
        match &mut self.ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Begins a pass, unless one goes on.
    pub(super) fn pass(&mut self, store: Arc<dyn LocalStore>, stop: CancellationToken) {
        if self.pass.as_ref().is_none_or(JoinHandle::is_finished) {
            let pass = move || store.reclaim(&|_, _| !stop.is_cancelled());
            self.pass = Some(tasks::spawn_blocking(pass));
        }
    }

    /// Waits for the end of the pass that goes on, once the engine stops.
    pub(super) async fn end(self) {
        if let Some(pass) = self.pass
            && timeout(PATIENCE, pass).await.is_err()
        {
            tracing::warn!("the local store does not stop giving disk back");
        }
    }
}
