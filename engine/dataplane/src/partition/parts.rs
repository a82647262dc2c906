//! What a partition is made of, and how it is put together.

use std::sync::{Arc, Mutex};

use tailrace_core::{
    observe::{
        candidate_reports::CandidateReports,
        progress::{Cursor, Progress},
        reconcile::Reconciler,
        views::Views,
    },
    ports::store::PartitionStore,
    watermark::InputClock,
    world::World,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    arrival::QueueItem,
    limits::RateLimiters,
    partition::{
        Partition,
        applier::Applier,
        breaker::Breaker,
        commit::Committer,
        end::{End, failed},
        since_snapshot::SinceSnapshot,
    },
    plan::Plan,
    run::settings::Settings,
    turn::worker::Worker,
};

/// What a partition is made of.
pub struct Parts {
    /// The world.
    pub world: World,
    /// The running revision; a change is taken up between two batches (see [`crate::partition::swapping`]).
    pub plan: watch::Receiver<Arc<Plan>>,
    /// From the intake.
    pub queue: mpsc::Receiver<Vec<QueueItem>>,
    /// Ends it: the batch is finished and committed first.
    pub stop: CancellationToken,
    /// Where it shows its position.
    pub progress: Arc<Progress>,
    /// Stores its commits.
    pub committer: Committer,
    /// Its state store, at the cursor.
    pub state_store: Arc<dyn PartitionStore>,
    /// Where it goes on.
    pub cursor: Cursor,
    /// The clock of the input there.
    pub clock: InputClock,
    /// When to make snapshots.
    pub settings: Settings,
    /// Asks for one at once.
    pub snapshot_now: Arc<Notify>,
    /// Where it answers barriers.
    pub reconciler: Arc<Reconciler>,
    /// Where it counts what fails.
    pub breaker: Arc<Breaker>,
    /// Where it shows what it does.
    pub views: Arc<Views>,
    /// Where its candidate is judged.
    pub candidate_reports: Arc<CandidateReports>,
    /// What limits it.
    pub limiters: RateLimiters,
}

impl Partition {
    /// Made, not yet running.
    pub fn new(parts: Parts) -> Result<Self, End> {
        let Parts {
            world,
            mut plan,
            queue,
            stop,
            progress,
            committer,
            state_store,
            cursor,
            clock,
            settings,
            snapshot_now,
            reconciler,
            breaker,
            views,
            candidate_reports,
            limiters,
        } = parts;
        let began = world.clock.monotonic();
        let current = plan.borrow_and_update().clone();
        let mode = current.manifest.delivery;
        let max_message_bytes = world.streams.max_payload();
        let mut worker = Worker::new(
            state_store.clone(),
            current.clone(),
            cursor,
            world.clock.clone(),
            max_message_bytes,
        )
        .map_err(failed)?
        .watched_through(views, committer.partition.partition)
        .limited_by(limiters)
        .on_the_clock(clock);
        worker.judged_on(candidate_reports);
        if current.candidate.is_some() {
            worker.adopt(&current, current.no_instances()).map_err(failed)?;
        }
        committer.status.adopted(current.numbers());
        progress.advance(&cursor);
        committer.status.weighs(state_store.weight());
        let applier = Applier::new(state_store.clone(), committer.partition.partition);
        Ok(Self {
            world,
            plan,
            queue,
            stop,
            progress,
            committer,
            state_store,
            applier: Arc::new(Mutex::new(applier)),
            worker: Arc::new(Mutex::new(worker)),
            under_way: None,
            dirty_since: None,
            retry_at: None,
            limited_until: None,
            halted_since: None,
            last_commit: Instant::now(),
            stopping: false,
            swap: None,
            queue_closed: false,
            since_snapshot: SinceSnapshot {
                bytes: 0,
                commits: 0,
                began,
            },
            settings,
            snapshot_now,
            reconciler,
            breaker,
            tripped: None,
            snapshotting: None,
            mode,
            claimed: 0,
        })
    }
}
