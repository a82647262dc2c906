//! A batch on its way out: sealed, stored beside the work, applied to the state store, shown. One is under
//! way at a time.

use tailrace_core::{
    failpoint::{self, Point},
    manifest::Delivery,
    observe::stats::BatchStats,
    ports::{
        executor,
        store::{Applied, StoreError},
    },
    tasks,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    partition::{
        Partition,
        commit::{CommitOutcome, Committer},
        end::{End, Step, failed, lock, store_failed},
        under_way::{UnderWay, outcome},
    },
    turn::batch::Sealed,
};

impl Partition {
    /// Commits what was processed before it ends.
    pub(super) async fn end_settled(&mut self, end: End) -> Step<()> {
        self.stopping = true;
        // What was claimed and not begun is given back, for nothing of it was done.
        let mut gives_back = std::mem::take(&mut self.claimed) > 0;
        while gives_back || !self.is_settled() {
            if self.under_way.is_none() {
                self.begin_commit().await?;
                gives_back = false;
            }
            self.finish_commit().await?;
        }
        Err(end)
    }

    pub(super) async fn begin_commit(&mut self) -> Step<()> {
        self.confirm_limit().await?;
        let mode = self.mode;
        let revision = self.worker().processor.plan.revision;
        let mut sealed = self.worker().seal().map_err(failed)?;
        let mut claim = sealed.cursor;
        if mode == Delivery::AtMostOnce {
            let outputs = std::mem::take(&mut sealed.outputs);
            let Committer { log, partition, .. } = &self.committer;
            let sent = log
                .publish_unconfirmed(partition, claim.commit_sequence, &outputs)
                .await;
            if sent.is_err() {
                self.committer.stats.fenced();
                return Err(End::Fenced);
            }
            let most = self.claimable();
            (self.claimed, claim, sealed.clock) = self.worker().claim(most);
        }
        self.dirty_since = None;
        self.last_commit = Instant::now();
        let batch = self.committer.batch(&mut sealed, claim, revision, mode);
        let parts = batch.record.len() as u64;
        failpoint::pass(Point::CommitSealed);
        self.since_snapshot.bytes += batch.record.iter().map(|part| part.len() as u64).sum::<u64>();
        let committer = self.committer.clone();
        let Sealed {
            delta, stats, traced, ..
        } = sealed;
        // A task of its own, so that it goes on while a turn is awaited.
        let store = async move { committer.store(batch, claim.commit).await };
        let store = tasks::spawn(store.in_current_span());
        let began = self.world.clock.monotonic();
        self.under_way = Some(UnderWay {
            store,
            delta,
            stats,
            traced,
            claim,
            revision,
            parts,
            began,
        });
        Ok(())
    }

    /// What was given up for its size, or cut, must be so by the limit that the broker has now: with another one it is
    /// processed again. At most once it cannot be.
    async fn confirm_limit(&mut self) -> Step<()> {
        let met = std::mem::take(&mut self.worker().processor.met_the_limit);
        if !met || self.mode == Delivery::AtMostOnce {
            return Ok(());
        }
        let limit = self.worker().processor.max_message_bytes;
        let now = self.world.streams.asked_max_payload().await;
        if now == limit {
            return Ok(());
        }
        Err(failed(format!(
            "the broker takes messages of up to {now} bytes now, and no longer of {limit}"
        )))
    }

    /// Waits for the commit under way, applies it and shows the new position.
    async fn finish_commit(&mut self) -> Step<()> {
        let outcome = outcome(self.under_way.as_mut()).await;
        self.committed(outcome).await
    }

    pub(super) async fn committed(&mut self, outcome: CommitOutcome) -> Step<()> {
        let Some(UnderWay {
            delta,
            stats,
            traced,
            claim,
            revision,
            parts,
            began,
            ..
        }) = self.under_way.take()
        else {
            return Ok(());
        };
        let sequence = match outcome {
            CommitOutcome::Stored(sequence) => sequence,
            CommitOutcome::Fenced => {
                self.committer.stats.fenced();
                return Err(End::Fenced);
            }
            // The next start finds out what has become of it, and says so.
            CommitOutcome::NoStream => return Err(failed("the pipeline's own stream is gone")),
            // Processed again, events find the new bound: what is too large for it is a dead letter.
            CommitOutcome::TooLarge => {
                return Err(failed("the broker takes only smaller messages than before"));
            }
        };
        failpoint::pass(Point::CommitStored);
        let stored_at = self.world.clock.monotonic();
        let took = stored_at.saturating_sub(began);
        let events = stats.counts.outcomes.events;
        for spans in traced {
            spans.committed(&*self.world.tracer, claim.commit, events, began, stored_at);
        }
        let tenant = self.committer.partition.pipeline.tenant.clone();
        let stored = Applied {
            commit: claim.commit,
            sequence,
        };
        let (worker, applier) = (self.worker.clone(), self.applier.clone());
        let applied = executor::run(&*self.world.turns, &tenant, move || {
            let mut worker = lock(&worker);
            let compared = lock(&applier).apply(&worker.processor.plan, &delta, stored)?;
            worker.applied(stored.sequence, parts);
            Ok::<_, StoreError>(compared)
        })
        .await
        .map_err(|_| failed("a turn did not come to its end"))?;
        let compared = applied.map_err(store_failed)?;
        for (sketch, comparison) in compared.iter().filter(|(_, comparison)| comparison.is_breach) {
            let partition = &self.committer.partition;
            tracing::warn!(%partition, %sketch, ?comparison, "a sketch is further off than it promises");
        }
        self.committer.stats.compared(&compared);
        self.committer.status.weighs(self.state_store.weight());
        failpoint::pass(Point::CommitApplied);
        for warning in self.committer.stats.committed(&stats, took) {
            let pipeline = &self.committer.partition.pipeline;
            tracing::warn!(%pipeline, "{warning}");
        }
        self.progress.advance(&claim);
        self.show_left();
        failpoint::pass(Point::PositionShown);
        self.reconciler
            .reached(self.committer.partition.partition, &stats.barriers);
        self.answer_barriers();
        self.watch_failures(revision, &stats);
        self.snapshot_if_due();
        Ok(())
    }

    /// Answers the barriers that wait for no commit.
    pub(super) fn answer_barriers(&mut self) {
        if self.under_way.is_none() {
            let barriers = self.worker().settled_barriers();
            let partition = self.committer.partition.partition;
            self.reconciler.reached(partition, &barriers);
        }
    }

    /// Counts what failed, unless the revision that it failed under has been replaced meanwhile.
    fn watch_failures(&mut self, revision: u64, batch: &BatchStats) {
        let plan = self.worker().processor.plan.clone();
        if revision != plan.revision {
            return;
        }
        let now = self.world.clock.monotonic();
        if let Some(manifest) = &plan.manifest.circuit_breaker {
            self.tripped = self.breaker.take(manifest, now, &batch.counts.outcomes);
        }
    }
}
