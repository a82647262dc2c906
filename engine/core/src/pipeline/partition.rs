//! The loop of one partition: take what the intake gives, have it processed in turns, commit the
//! batch, apply it, go on. One commit is under way at a time, and the next batch is processed on top
//! of it meanwhile; so a batch fills while the one before is stored, and only an idle partition waits
//! a few milliseconds for company.
//!
//! With `at-most-once` it is the other way round: the events at hand are claimed by a commit first
//! and processed after it; their state changes travel with the next claim.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    breaker::Breaker,
    commit::{Committer, Outcome, jittered},
    plan::Plan,
    progress::Progress,
    reconcile::Reconciler,
    schedule,
    settings::Settings,
    snapshot, spans,
    stats::BatchStats,
    views::Views,
    worker::{Cursor, Delivery, Sealed, TurnEnd, Worker},
};
use crate::{
    delta::Delta,
    failpoint::{self, Point},
    ports::{
        World,
        store::{Applied, Image},
    },
    spec::Delivery as DeliveryMode,
    tasks,
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
/// or after so long: a position that stays behind would be taken for events that were purged
/// unprocessed, once the stream lets them go.
const IDLE_EVERY: Duration = Duration::from_secs(30);

/// How a partition ended.
#[derive(Debug)]
pub enum End {
    /// It was asked to.
    Stopped,
    /// Another engine owns it.
    Fenced,
    /// A step's policy pauses the pipeline.
    Paused(String),
    /// A plugin of the revision cannot run; only another revision mends that.
    Plugin(String),
    /// Ours: it starts again from what is committed.
    Failed(String),
}

/// One partition at work.
pub struct Partition {
    world: World,
    plan: watch::Receiver<Arc<Plan>>,
    lane: mpsc::Receiver<Vec<Delivery>>,
    stop: CancellationToken,
    progress: Arc<Progress>,
    committer: Committer,
    image: Arc<dyn Image>,
    /// Away on a guest thread during a turn.
    worker: Option<Box<Worker>>,
    under_way: Option<UnderWay>,
    /// Since when there is something uncommitted.
    dirty_since: Option<Instant>,
    retry_at: Option<Instant>,
    last_commit: Instant,
    stopping: bool,
    replan: bool,
    lane_closed: bool,
    since_snapshot: SinceSnapshot,
    settings: Settings,
    reconciler: Arc<Reconciler>,
    breaker: Arc<Breaker>,
    /// Why the pipeline is to be paused once the batch is committed.
    tripped: Option<String>,
    snapshotting: Option<JoinHandle<()>>,
    /// How the plan that the worker runs delivers.
    mode: DeliveryMode,
    /// For at-most-once: deliveries that are claimed and may be processed.
    claimed: usize,
}

/// A commit that is being stored.
struct UnderWay {
    store: JoinHandle<Outcome>,
    delta: Arc<Delta>,
    stats: BatchStats,
    claim: Cursor,
    /// Parts of its record.
    parts: u64,
    began: Duration,
}

/// What was committed since the last snapshot.
struct SinceSnapshot {
    bytes: u64,
    commits: u64,
    began: Duration,
}

/// What a partition is made of.
pub struct Parts {
    /// The world.
    pub world: World,
    /// The running revision; a change is taken up between two batches.
    pub plan: watch::Receiver<Arc<Plan>>,
    /// From the intake.
    pub lane: mpsc::Receiver<Vec<Delivery>>,
    /// Ends it: the batch is finished and committed first.
    pub stop: CancellationToken,
    /// Where it shows its position.
    pub progress: Arc<Progress>,
    /// Stores its commits.
    pub committer: Committer,
    /// Its image, at the cursor.
    pub image: Arc<dyn Image>,
    /// Where it goes on.
    pub cursor: Cursor,
    /// When to make snapshots.
    pub settings: Settings,
    /// Where it answers cuts.
    pub reconciler: Arc<Reconciler>,
    /// Where it counts what fails.
    pub breaker: Arc<Breaker>,
    /// Where it shows what it does.
    pub views: Arc<Views>,
}

type Step<T> = Result<T, End>;

impl Partition {
    /// Made, not yet running.
    pub fn new(parts: Parts) -> Result<Self, End> {
        let Parts {
            world,
            mut plan,
            lane,
            stop,
            progress,
            committer,
            image,
            cursor,
            settings,
            reconciler,
            breaker,
            views,
        } = parts;
        let began = world.clock.monotonic();
        let current = plan.borrow_and_update().clone();
        let mode = current.spec.delivery;
        committer.status.adopted(current.revision);
        let max_message_bytes = world.streams.max_payload();
        let worker = Worker::new(
            image.clone(),
            current,
            cursor,
            world.clock.clone(),
            max_message_bytes,
        )
        .map_err(failed)?
        .watched_through(views, committer.partition.partition);
        progress.advance(&cursor);
        Ok(Self {
            world,
            plan,
            lane,
            stop,
            progress,
            committer,
            image,
            worker: Some(Box::new(worker)),
            under_way: None,
            dirty_since: None,
            retry_at: None,
            last_commit: Instant::now(),
            stopping: false,
            replan: false,
            lane_closed: false,
            since_snapshot: SinceSnapshot {
                bytes: 0,
                commits: 0,
                began,
            },
            settings,
            reconciler,
            breaker,
            tripped: None,
            snapshotting: None,
            mode,
            claimed: 0,
        })
    }

    /// Runs until it ends.
    pub async fn run(mut self) -> End {
        let end = self.work().await.err().unwrap_or(End::Stopped);
        if let Some(snapshot) = self.snapshotting.take() {
            snapshot.abort();
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
                self.end_settled(End::Paused(reason)).await?;
            } else if self.commit_is_due() {
                self.begin_commit().await?;
            } else if self.replan && self.is_settled() {
                self.take_up_plan()?;
            } else if self.may_process() {
                self.turn().await?;
            } else if self.stopping && self.is_settled() {
                return Ok(());
            } else {
                self.wait().await?;
            }
        }
    }

    fn worker(&mut self) -> &mut Worker {
        self.worker
            .as_deref_mut()
            .expect("the worker is away only during a turn")
    }

    /// Whether everything that was processed is committed and applied.
    fn is_settled(&mut self) -> bool {
        self.under_way.is_none() && self.worker().is_clean()
    }

    /// Whether no further event is to be begun.
    fn is_halting(&self) -> bool {
        self.stopping || self.replan
    }

    fn may_process(&mut self) -> bool {
        let begun = self.mode == DeliveryMode::AtMostOnce && self.claimed > 0;
        let halted = self.is_halting() && !begun || self.retry_at.is_some() && !self.stopping;
        let allowed = self.mode != DeliveryMode::AtMostOnce || begun;
        !halted && allowed && self.worker().queued() > 0 && !self.worker().is_full()
    }

    fn commit_is_due(&mut self) -> bool {
        if self.under_way.is_some() {
            return false;
        }
        let halting = self.is_halting() || self.retry_at.is_some();
        let lingered = self.dirty_since.is_some_and(|since| since.elapsed() >= LINGER);
        if self.mode == DeliveryMode::AtMostOnce {
            let wanted = self.worker().queued() > 0 && !self.is_halting();
            return self.claimed == 0 && (wanted || !self.worker().is_clean() && (lingered || halting));
        }
        let committed = self.progress.position();
        let worker = self.worker();
        if worker.is_clean() {
            let ahead = worker.cursor().position.saturating_sub(committed);
            let idle = worker.queued() == 0;
            return idle && (ahead >= IDLE_ADVANCE || ahead > 0 && self.last_commit.elapsed() >= IDLE_EVERY);
        }
        worker.is_full() || lingered || halting
    }

    async fn turn(&mut self) -> Step<()> {
        let tenant = self.committer.partition.pipeline.tenant.clone();
        let mut worker = self.worker.take().expect("the worker is away only during a turn");
        let before = worker.queued();
        let most = if self.mode == DeliveryMode::AtMostOnce {
            self.claimed
        } else {
            usize::MAX
        };
        let lost = |_| failed("a turn did not come to its end");
        let (worker, end) = schedule::run(&*self.world.turns, &tenant, move || {
            let end = worker.turn(SLICE, most);
            (worker, end)
        })
        .await
        .map_err(lost)?;
        self.claimed = self.claimed.saturating_sub(before - worker.queued());
        if !worker.is_clean() && self.dirty_since.is_none() {
            self.dirty_since = Some(Instant::now());
        }
        if worker.is_clean() && self.under_way.is_none() {
            self.progress.see(worker.cursor().position);
        }
        self.committer
            .status
            .holds(worker.queued(), worker.memory_bytes());
        self.worker = Some(worker);
        self.answer_cuts();
        match end {
            TurnEnd::Drained | TurnEnd::Full | TurnEnd::SliceOver => Ok(()),
            TurnEnd::Retry(pause) => {
                self.committer.stats.retried();
                self.retry_at = Some(Instant::now() + jittered(pause, &*self.world.random));
                Ok(())
            }
            TurnEnd::Pause(reason) => self.end_settled(End::Paused(reason)).await,
            TurnEnd::Plugin(cause) => self.end_settled(End::Plugin(cause.to_string())).await,
            TurnEnd::Failed(cause) => Err(End::Failed(cause)),
        }
    }

    /// Commits what was processed before it ends.
    async fn end_settled(&mut self, end: End) -> Step<()> {
        while !self.is_settled() {
            if self.under_way.is_none() {
                self.begin_commit().await?;
            }
            self.finish_commit().await?;
        }
        Err(end)
    }

    async fn begin_commit(&mut self) -> Step<()> {
        let mode = self.mode;
        let revision = self.worker().plan.revision;
        let mut sealed = self.worker().seal().map_err(failed)?;
        let mut claim = sealed.cursor;
        if mode == DeliveryMode::AtMostOnce {
            self.committer
                .log
                .publish_unconfirmed(&std::mem::take(&mut sealed.outputs))
                .await;
            if !self.is_halting() {
                (self.claimed, claim) = self.worker().claim();
            }
        }
        self.dirty_since = None;
        self.last_commit = Instant::now();
        let batch = self.committer.batch(&sealed, claim, revision, mode);
        let parts = batch.record.len() as u64;
        failpoint::pass(Point::CommitSealed);
        self.since_snapshot.bytes += batch.record.iter().map(|part| part.len() as u64).sum::<u64>();
        let committer = self.committer.clone();
        let Sealed { delta, stats, .. } = sealed;
        // A task of its own, so that it goes on while a turn is awaited.
        let span = spans::commit(&committer.partition, claim.commit, stats.counts.ledger.events);
        let store = async move { committer.store(batch, claim.commit).await };
        let store = tasks::spawn(store.instrument(span));
        let began = self.world.clock.monotonic();
        self.under_way = Some(UnderWay {
            store,
            delta,
            stats,
            claim,
            parts,
            began,
        });
        Ok(())
    }

    /// Waits for the commit under way, applies it and shows the new position.
    async fn finish_commit(&mut self) -> Step<()> {
        let outcome = outcome(self.under_way.as_mut()).await;
        self.committed(outcome).await
    }

    async fn committed(&mut self, outcome: Outcome) -> Step<()> {
        let Some(UnderWay {
            delta,
            stats,
            claim,
            parts,
            began,
            ..
        }) = self.under_way.take()
        else {
            return Ok(());
        };
        let sequence = match outcome {
            Outcome::Stored(sequence) => sequence,
            Outcome::Fenced => {
                self.committer.stats.fenced();
                return Err(End::Fenced);
            }
        };
        failpoint::pass(Point::CommitStored);
        let took = self.world.clock.monotonic().saturating_sub(began);
        let tenant = self.committer.partition.pipeline.tenant.clone();
        let mut worker = self.worker.take().expect("the worker is away only during a turn");
        let stored = Applied {
            commit: claim.commit,
            sequence,
        };
        let (worker, applied) = schedule::run(&*self.world.turns, &tenant, move || {
            let applied = worker.apply(&delta, stored, parts);
            (worker, applied)
        })
        .await
        .map_err(|_| failed("a turn did not come to its end"))?;
        self.worker = Some(worker);
        applied.map_err(failed)?;
        failpoint::pass(Point::CommitApplied);
        self.committer.stats.committed(&stats, took);
        self.progress.advance(&claim);
        failpoint::pass(Point::PositionShown);
        self.reconciler
            .reached(self.committer.partition.partition, &stats.cuts);
        self.answer_cuts();
        self.watch_failures(&stats);
        self.snapshot_if_due();
        Ok(())
    }

    /// Answers the cuts that wait for no commit.
    fn answer_cuts(&mut self) {
        if self.under_way.is_none() {
            let cuts = self.worker().settled_cuts();
            let partition = self.committer.partition.partition;
            self.reconciler.reached(partition, &cuts);
        }
    }

    fn watch_failures(&mut self, batch: &BatchStats) {
        let now = self.world.clock.monotonic();
        let breaker = self.breaker.clone();
        if let Some(spec) = &self.worker().plan.spec.circuit_breaker {
            self.tripped = breaker.take(spec, now, &batch.counts.ledger);
        }
    }

    fn take_up_plan(&mut self) -> Step<()> {
        let plan = self.plan.borrow_and_update().clone();
        self.replan = false;
        self.retry_at = None;
        self.mode = plan.spec.delivery;
        let revision = plan.revision;
        self.worker().adopt(plan).map_err(failed)?;
        self.committer.status.adopted(revision);
        Ok(())
    }

    /// When a position without effects is due to be committed, if there is one.
    fn idle_end(&mut self) -> Option<Instant> {
        let committed = self.progress.position();
        let waits = self.under_way.is_none() && self.mode != DeliveryMode::AtMostOnce;
        let worker = self.worker();
        let idle = worker.is_clean() && worker.queued() == 0;
        let ahead = worker.cursor().position > committed;
        (waits && idle && ahead).then(|| self.last_commit + IDLE_EVERY)
    }

    async fn wait(&mut self) -> Step<()> {
        let linger_end = self
            .dirty_since
            .filter(|_| self.under_way.is_none())
            .map(|since| since + LINGER);
        let retry_at = self.retry_at;
        let idle_end = self.idle_end();
        let room = self.worker().queued() < MAX_QUEUED && !self.lane_closed;
        let stopping = self.stopping;
        tokio::select! {
            biased;
            outcome = outcome(self.under_way.as_mut()) => self.committed(outcome).await?,
            () = self.stop.cancelled(), if !stopping => self.stopping = true,
            changed = self.plan.changed(), if !stopping && !self.replan => match changed {
                Ok(()) => self.replan = true,
                Err(_) => self.stopping = true,
            },
            deliveries = self.lane.recv(), if room && !stopping => match deliveries {
                Some(deliveries) => self.worker.as_deref_mut().expect("the worker is here").enqueue(deliveries),
                None => self.lane_closed = true,
            },
            () = until(linger_end) => {}
            () = until(idle_end) => {}
            () = until(retry_at) => self.retry_at = None,
        }
        self.take_ready();
        Ok(())
    }

    /// Takes what else the intake has ready, without waiting.
    fn take_ready(&mut self) {
        while !self.stopping && self.worker().queued() < MAX_QUEUED {
            match self.lane.try_recv() {
                Ok(deliveries) => self.worker().enqueue(deliveries),
                Err(_) => return,
            }
        }
    }

    /// Starts a snapshot in the background when enough was committed since the last one.
    fn snapshot_if_due(&mut self) {
        self.since_snapshot.commits += 1;
        let since = &self.since_snapshot;
        let now = self.world.clock.monotonic();
        let due = since.bytes >= self.settings.snapshot_after_bytes
            || since.commits >= self.settings.snapshot_after_commits
            || now.saturating_sub(since.began) >= self.settings.snapshot_every;
        if !due || self.snapshotting.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        self.since_snapshot = SinceSnapshot {
            bytes: 0,
            commits: 0,
            began: now,
        };
        let (world, partition, image) = (
            self.world.clone(),
            self.committer.partition.clone(),
            self.image.clone(),
        );
        self.snapshotting = Some(tasks::spawn(async move {
            if let Err(cause) = make_snapshot(&world, &partition, image).await {
                tracing::warn!(%partition, %cause, "no snapshot this time");
            }
        }));
    }
}

async fn make_snapshot(
    world: &World,
    partition: &crate::identity::PartitionId,
    image: Arc<dyn Image>,
) -> Result<(), String> {
    let tenant = &partition.pipeline.tenant;
    let exported = schedule::run(&*world.turns, tenant, move || snapshot::export(&*image)).await;
    let (applied, chunks) = exported
        .map_err(|lost| lost.to_string())?
        .map_err(|cause| cause.to_string())?;
    snapshot::store(world, partition, applied, chunks)
        .await
        .map_err(|cause| cause.to_string())
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
fn failed(cause: impl ToString) -> End {
    End::Failed(cause.to_string())
}

async fn outcome(under_way: Option<&mut UnderWay>) -> Outcome {
    match under_way {
        // A task that is lost has panicked; taking it for a fence makes the partition recover.
        Some(under_way) => (&mut under_way.store).await.unwrap_or(Outcome::Fenced),
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
