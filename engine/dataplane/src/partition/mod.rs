//! The loop of one partition: take what the intake gives, have it processed in turns, commit the
//! batch, apply it, go on. One commit is under way at a time, and the next batch is processed on top
//! of it meanwhile; so a batch fills while the one before is stored, and only an idle partition waits
//! a few milliseconds for company.
//!
//! With `at-most-once` it is the other way round: the events at hand are claimed by a commit first
//! and processed after it; their state changes travel with the next claim.
//!
//! Why: docs/decisions/0013-position-commits.md
//! Why: docs/decisions/0019-at-most-once-claims-first.md

pub mod applier;
pub mod breaker;
pub mod commit;
pub mod committing;
pub mod end;
pub mod parts;
pub mod recover;
pub mod recover_error;
pub mod since_snapshot;
pub mod snapshot;
pub mod snapshots;
pub mod swap;
pub mod swapping;
pub mod throttled;
mod under_way;
mod warming;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tailrace_core::{
    manifest::Delivery,
    observe::{progress::Progress, reconcile::Reconciler, stats::BatchStats},
    ports::{executor, store::PartitionStore},
    world::World,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    arrival::QueueItem,
    partition::{
        applier::Applier,
        breaker::Breaker,
        commit::{Committer, jittered},
        end::{End, Pauser, Step, failed, lock},
        since_snapshot::SinceSnapshot,
        swap::{Swap, prepared},
        under_way::{UnderWay, outcome},
    },
    plan::Plan,
    process::TurnEnd,
    run::settings::Settings,
    turn::worker::Worker,
};

/// Longest that an uncommitted event waits for company. Batches of 500 are stored at more than twice
/// the rate of batches of 60.
const LINGER: Duration = Duration::from_millis(5);
/// Longest turn on a guest thread before another tenant gets one.
const SLICE: Duration = Duration::from_millis(20);
/// Events that wait in a worker's queue; beyond it they stay in the channel, and then at the broker.
const MAX_QUEUED: usize = 4_096;
/// A position without effects is worth a commit when it saves a restart this much reading,
const IDLE_ADVANCE: u64 = 1_000;
/// or after so long, or at the end: a position that stays behind would be taken for events that were purged
/// unprocessed, once the stream lets them go.
const IDLE_EVERY: Duration = Duration::from_secs(30);

/// One partition at work.
pub struct Partition {
    world: World,
    plan: watch::Receiver<Arc<Plan>>,
    queue: mpsc::Receiver<Vec<QueueItem>>,
    stop: CancellationToken,
    progress: Arc<Progress>,
    committer: Committer,
    state_store: Arc<dyn PartitionStore>,
    /// At work on a guest thread during a turn, and only then locked for long.
    worker: Arc<Mutex<Worker>>,
    applier: Arc<Mutex<Applier>>,
    under_way: Option<UnderWay>,
    /// Since when there is something uncommitted.
    dirty_since: Option<Instant>,
    retry_at: Option<Instant>,
    /// When there may be room again, where a limit holds it back, or its backoff is over.
    limited_until: Option<Instant>,
    last_commit: Instant,
    stopping: bool,
    /// The revision that is about to be taken up.
    swap: Option<Swap>,
    /// Since when no event is begun for its sake, in the clock's time.
    halted_since: Option<Duration>,
    queue_closed: bool,
    since_snapshot: SinceSnapshot,
    settings: Settings,
    snapshot_now: Arc<Notify>,
    reconciler: Arc<Reconciler>,
    breaker: Arc<Breaker>,
    /// Why the pipeline is to be paused once the batch is committed.
    tripped: Option<String>,
    /// Ends with the partition, however that ends: what it stored later would be of nobody.
    snapshotting: Option<AbortOnDropHandle<()>>,
    /// How the plan that the worker runs delivers.
    mode: Delivery,
    /// For at-most-once: queue items that are claimed and may be processed.
    claimed: usize,
}

/// How long to wait for something to attend to.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Endless,
}

impl Partition {
    /// Runs until it ends.
    pub async fn run(mut self) -> End {
        let end = self.work().await.err().unwrap_or(End::Stopped);
        if let Some(Swap::Preparing(preparing)) = self.swap.take() {
            preparing.abort();
        }
        if let Some(under_way) = self.under_way.take() {
            // Its outcome no longer matters to us: what becomes of it is found at recovery.
            under_way.store.abort();
        }
        end
    }

    async fn work(&mut self) -> Step<()> {
        loop {
            if let Some(reason) = self.tripped.take() {
                self.end_settled(End::Paused(Pauser::CircuitBreaker, reason))
                    .await?;
            } else if self.must_give_back() {
                self.give_back().await?;
            } else if self.commit_is_due() {
                self.begin_commit().await?;
            } else if self.may_swap() {
                self.take_up_plan()?;
            } else if self.may_process() {
                self.turn().await?;
                self.attend(Patience::None).await?;
            } else if self.may_warm_up() {
                self.warm_up().await?;
            } else if self.stopping && self.is_settled() {
                return Ok(());
            } else {
                self.attend(Patience::Endless).await?;
            }
        }
    }

    fn worker(&self) -> MutexGuard<'_, Worker> {
        lock(&self.worker)
    }

    /// Whether everything that was processed is committed and applied.
    fn is_settled(&self) -> bool {
        self.under_way.is_none() && self.worker().is_clean()
    }

    /// Whether no further event is to be begun.
    fn is_halting(&self) -> bool {
        self.stopping || self.swap_waits()
    }

    fn may_process(&self) -> bool {
        let begun = self.mode == Delivery::AtMostOnce && self.claimed > 0;
        let waits = self.retry_at.is_some() && !self.stopping || self.limited_until.is_some();
        let halted = self.is_halting() && !begun || waits;
        let allowed = self.mode != Delivery::AtMostOnce || begun;
        let worker = self.worker();
        !halted && allowed && worker.queued() > 0 && !worker.is_full()
    }

    fn commit_is_due(&self) -> bool {
        if self.under_way.is_some() {
            return false;
        }
        let waits = self.retry_at.is_some() || self.limited_until.is_some();
        let halting = self.is_halting() || waits || self.swap_is_ready();
        let lingered = self.dirty_since.is_some_and(|since| since.elapsed() >= LINGER);
        if self.mode == Delivery::AtMostOnce {
            let may_claim = self.claimed == 0 && !self.is_halting() && !waits;
            let worker = self.worker();
            let wanted = may_claim && worker.queued() > 0;
            return wanted || worker.is_full() || !worker.is_clean() && (lingered || halting);
        }
        let committed = self.progress.position();
        let worker = self.worker();
        if worker.is_clean() {
            let ahead = worker.cursor().position.saturating_sub(committed);
            let idle = worker.queued() == 0;
            let is_last = self.stopping && self.world.streams.is_connected();
            let is_time = is_last || self.last_commit.elapsed() >= IDLE_EVERY;
            return idle && (ahead >= IDLE_ADVANCE || ahead > 0 && is_time);
        }
        worker.is_full() || lingered || halting
    }

    async fn turn(&mut self) -> Step<()> {
        let tenant = self.committer.partition.pipeline.tenant.clone();
        let before = self.worker().queued();
        let most = if self.mode == Delivery::AtMostOnce {
            self.claimed
        } else {
            usize::MAX
        };
        let lost = |_| failed("a turn did not come to its end");
        self.worker().has_too_much(self.committer.status.full());
        let worker = self.worker.clone();
        let context = tracing::Span::current();
        let end = executor::run_metered(&*self.world.turns, &tenant, move || {
            let mut worker = lock(&worker);
            let before = worker.processor.stats.counts.fuel;
            let end = context.in_scope(|| worker.turn(SLICE, most));
            let fuel = worker.processor.stats.counts.fuel.saturating_sub(before);
            (end, fuel)
        })
        .await
        .map_err(lost)?;
        let after = self.worker().queued();
        self.claimed = self.claimed.saturating_sub(before - after);
        self.show_turn();
        self.show_limit();
        self.answer_barriers();
        match end {
            TurnEnd::Drained | TurnEnd::Full | TurnEnd::SliceOver => Ok(()),
            TurnEnd::Retry(pause) => {
                self.committer.stats.retried();
                self.retry_at = Some(Instant::now() + jittered(pause, &*self.world.random));
                Ok(())
            }
            TurnEnd::Throttled(wait) | TurnEnd::Backoff(wait) => {
                self.hold_back(wait);
                Ok(())
            }
            TurnEnd::Pause(reason) => self.end_settled(End::Paused(Pauser::StepPolicy, reason)).await,
            // Another revision may be what mends it.
            TurnEnd::Plugin(cause) if self.swap.is_some() => Err(End::Failed(cause.to_string())),
            TurnEnd::Plugin(cause) => self.end_settled(End::Plugin(cause.to_string())).await,
            TurnEnd::Failed(cause) => Err(End::Failed(cause)),
        }
    }

    /// Shows what the turn has left behind.
    fn show_turn(&mut self) {
        let mut worker = lock(&self.worker);
        if worker.is_clean() {
            // What was there may have been taken back.
            self.dirty_since = None;
        } else if self.dirty_since.is_none() {
            self.dirty_since = Some(Instant::now());
        }
        if worker.is_clean() && self.under_way.is_none() {
            let cursor = worker.cursor();
            self.progress.see(cursor.position, cursor.watermark_ms);
        }
        self.committer.status.holds(worker.processor.memory_bytes());
        for spans in worker.repeated() {
            spans.hand_over(&*self.world.tracer);
        }
        drop(worker);
        self.show_left();
    }

    /// Shows what it still has to do: an event is done when its commit is stored.
    fn show_left(&self) {
        let of = |stats: &BatchStats| stats.counts.outcomes.events;
        let under_way = self
            .under_way
            .as_ref()
            .map_or(0, |under_way| of(&under_way.stats));
        let worker = self.worker();
        let left = worker.queued() as u64 + of(&worker.processor.stats) + under_way;
        self.committer.status.has_to_do(left);
    }

    /// When a position without effects is due to be committed, if there is one.
    fn idle_end(&self) -> Option<Instant> {
        let committed = self.progress.position();
        let waits = self.under_way.is_none() && self.mode != Delivery::AtMostOnce;
        let worker = self.worker();
        let idle = worker.is_clean() && worker.queued() == 0;
        let ahead = worker.cursor().position > committed;
        (waits && idle && ahead).then(|| self.last_commit + IDLE_EVERY)
    }

    /// Attends to what comes next, and where there is more to process, to what has come: the queue of a slow
    /// plugin holds minutes, and commit, pause and new revision wait for none of them.
    async fn attend(&mut self, patience: Patience) -> Step<()> {
        let linger_end = self
            .dirty_since
            .filter(|_| self.under_way.is_none())
            .map(|since| since + LINGER);
        let (retry_at, limited_until) = (self.retry_at, self.limited_until);
        let idle_end = self.idle_end();
        let room = self.worker().queued() < MAX_QUEUED && !self.queue_closed;
        let stopping = self.stopping;
        tokio::select! {
            biased;
            outcome = outcome(self.under_way.as_mut()) => self.committed(outcome).await?,
            () = self.stop.cancelled(), if !stopping => self.stopping = true,
            changed = self.plan.changed(), if !stopping && self.swap.is_none() => match changed {
                Ok(()) => self.prepare_swap(),
                Err(_) => self.stopping = true,
            },
            next = prepared(self.swap.as_mut()) => self.swap_prepared(next?),
            deliveries = self.queue.recv(), if room && !stopping => match deliveries {
                Some(deliveries) => lock(&self.worker).enqueue(deliveries),
                None => self.queue_closed = true,
            },
            () = self.snapshot_now.notified() => self.snapshot(),
            () = until(linger_end) => {}
            () = until(idle_end) => {}
            () = until(retry_at) => self.retry_at = None,
            () = until(limited_until) => self.may_go_on(),
            () = std::future::ready(()), if matches!(patience, Patience::None) => {}
        }
        self.take_ready();
        self.show_left();
        Ok(())
    }

    /// Takes what else the intake has ready, without waiting.
    fn take_ready(&mut self) {
        while !self.stopping && self.worker().queued() < MAX_QUEUED {
            match self.queue.try_recv() {
                Ok(deliveries) => self.worker().enqueue(deliveries),
                Err(_) => return,
            }
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
