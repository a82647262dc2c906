//! While it runs: a change of the registry is taken up without stopping where that is possible. A change of
//! the engines moves partitions, the counts are reconciled, outputs are kept within bounds.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tailrace_core::{
    altered,
    membership::Membership,
    observe::status::State,
    ports::broker::{BrokerError, OwnError, StreamFacts, check_own, has_lost_its_life, own_stream},
    subject,
};

use crate::{
    limits::Rates,
    run::{
        Ended, FIRST_PAUSE, PipelineRun,
        ended::{intake_ended, partition_ended},
        start::{Running, check_grants, lost_stream},
    },
};

/// How often the pipeline's own stream is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Why a pipeline waits whose broker is away.
const AWAY: &str = "the broker does not answer, and the pipeline goes on by itself when it does";
/// How often it is looked whether the records are there that partitions are rebuilt from.
const RECORDS_EVERY: Duration = Duration::from_secs(30);
/// How often outputs are trimmed to `keep.bytes`.
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// Longest that partitions may take to finish, commit and end.
const DRAIN: Duration = Duration::from_secs(20);

impl PipelineRun {
    /// Runs until something ends it; then ends all of it.
    pub(super) async fn watch_over(&mut self, mut running: Running) -> Ended {
        self.status.set_lacks_disk(false);
        self.status.enter(State::Running);
        let ended = self.until_ended(&mut running).await;
        running.stop.cancel();
        if let Ended::Stopped | Ended::Changed = ended {
            // Partitions finish their batch, commit it and end. A broker that does not answer must
            // not hold up the end for ever; what is not committed is done again.
            let _ = tokio::time::timeout(DRAIN, async {
                while running.partitions.join_next().await.is_some() {}
            })
            .await;
        }
        running.partitions.shutdown().await;
        running.intake.abort();
        ended
    }

    async fn until_ended(&mut self, running: &mut Running) -> Ended {
        let mut members = self.members.clone();
        let candidate_reports = self.status.candidate_reports.clone();
        let mut balance = tokio::time::interval(self.settings.reconcile_every);
        balance.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut trim = tokio::time::interval(TRIM_EVERY);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut records = tokio::time::interval(RECORDS_EVERY);
        records.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ended::Stopped,
                ended = running.partitions.join_next() => return partition_ended(ended),
                ended = &mut running.intake => return intake_ended(ended, &self.pipeline.pipeline),
                changed = self.entry.changed() => {
                    if changed.is_err() {
                        return Ended::Stopped;
                    }
                    if let Err(ended) = self.adopt(running).await {
                        return ended;
                    }
                }
                Ok(()) = members.changed() => {
                    let membership = members.borrow_and_update().clone();
                    if membership.is_some_and(|membership| self.has_moved(running, &membership)) {
                        return Ended::Changed;
                    }
                }
                (revision, reason) = candidate_reports.ended() => self.end_candidate(revision, &reason).await,
                _ = trim.tick() => self.trim(running).await,
                _ = look.tick() => {
                    if let Err(ended) = self.look_at_own(running).await {
                        return ended;
                    }
                }
                _ = records.tick() => {
                    if let Err(ended) = self.look_at_records(&mut running.records, &running.snapshots).await {
                        return ended;
                    }
                }
                _ = balance.tick() => {
                    self.balance(running).await;
                    if running.share.partitions.first() == Some(&0) {
                        let manifest = &running.plan.manifest;
                        running.unassigned = self.count_unassigned(manifest, running.unassigned).await;
                    }
                }
            }
        }
    }

    /// Takes a change of the registry up without stopping, where that is possible.
    async fn adopt(&mut self, running: &mut Running) -> Result<(), Ended> {
        let Some((pipeline, tenant)) = self.entry.borrow_and_update().clone() else {
            return Err(Ended::Stopped);
        };
        check_grants(&pipeline, &tenant)?;
        let has_moved = tenant.nats_account != running.account;
        if pipeline.paused.is_some()
            || has_moved
            || pipeline.rebase != running.rebase
            || pipeline.active.manifest.input != running.plan.manifest.input
            || pipeline.active.manifest.tables != running.plan.manifest.tables
        {
            return Err(Ended::Changed);
        }
        running
            .redriven
            .send_if_modified(|count| std::mem::replace(count, pipeline.redriven) != pipeline.redriven);
        let candidate = pipeline
            .candidate
            .as_ref()
            .map(|candidate| (candidate.revision.number, candidate.mode));
        let running_candidate = running.plan.candidate.as_ref();
        let running_candidate = running_candidate.map(|candidate| (candidate.plan.revision, candidate.mode));
        if pipeline.active.number == running.plan.revision && candidate == running_candidate {
            return Ok(());
        }
        let plan = match self.plan(&pipeline, &tenant).await {
            Ok(plan) => Arc::new(plan),
            Err(ended) => return Err(ended),
        };
        self.bring_own(&pipeline, &plan).await?;
        tracing::info!(
            revision = plan.revision,
            "the pipeline goes on with another revision"
        );
        let rates = Rates::of_pipeline(&plan.manifest, running.share.partitions.len());
        running.limiter.set(rates);
        self.begin_candidate(&pipeline, &plan);
        running.plan = plan.clone();
        for listener in &running.plans {
            listener.send_replace(plan.clone());
        }
        Ok(())
    }

    /// Whether the broker's limit of messages and the pipeline's own stream are still those that it began with. A commit cannot tell: to a broker
    /// that has no such stream it is a message that nobody takes.
    async fn look_at_own(&self, running: &mut Running) -> Result<(), Ended> {
        if !self.world.streams.is_connected() {
            self.status
                .set_away(Some(format!("{AWAY}: there is no connection")));
            return Ok(());
        }
        if self.world.streams.asked_max_payload().await != running.max_payload {
            return Err(Ended::Changed);
        }
        let name = subject::stream_name(&self.pipeline);
        let looked = self.world.streams.stream(&name).await;
        if looked.is_ok() {
            self.status.set_away(self.denied());
        }
        let lost = match looked {
            Ok(facts) if facts.created == running.own_created => {
                let told = altered::told(&self.pipeline, &facts.altered);
                if altered::misleads(&facts.altered) {
                    return Err(Ended::Again(told.unwrap_or_default()));
                }
                self.status.set_own_trouble(told);
                let partitions = &running.share.partitions;
                self.look_at_newest(&mut running.records, partitions, &facts)
                    .await?;
                return self.give_back_subjects(&facts, running).await;
            }
            Ok(facts) => {
                let own = own_stream(&self.pipeline, self.status.life, &running.plan.manifest);
                let is_anew = |()| OwnError::Foreign {
                    name,
                    why: format!("it was made anew at {}", facts.created),
                };
                check_own(&facts, &own).map_or_else(|cause| cause, is_anew)
            }
            Err(BrokerError::NoStream(name)) => OwnError::Gone(name),
            // A broker that does not answer now says nothing of the stream.
            Err(cause) => {
                let denied = self.denied();
                self.status
                    .set_away(Some(denied.unwrap_or_else(|| format!("{AWAY}: {cause}"))));
                return Ok(());
            }
        };
        Err(Ended::Parked(lost_stream(&self.pipeline, &lost)))
    }

    /// A stream whose subjects somebody took away takes no commit, and one without its life is taken for another's.
    async fn give_back_subjects(&self, facts: &StreamFacts, running: &Running) -> Result<(), Ended> {
        let own = own_stream(&self.pipeline, self.status.life, &running.plan.manifest);
        let mut wanted = own.subjects().into_iter();
        // Whoever made it hold more has taken nothing away.
        let is_held = |subject: &String| facts.subjects.iter().any(|held| subject::covers(held, subject));
        let missing = wanted.find(|subject| !is_held(subject));
        let missing = missing.or_else(|| has_lost_its_life(facts, &own).then(|| "tailrace.life".to_owned()));
        let Some(missing) = missing else {
            return Ok(());
        };
        let stream = &facts.name;
        tracing::warn!(
            stream,
            missing,
            "the pipeline's own stream lacks a subject, or its life; it is given back"
        );
        match self.world.streams.bring_own(&own, true).await {
            Ok(_) => {}
            Err(OwnError::Broker(cause)) => self.status.set_own_trouble(Some(format!(
                "the pipeline's own stream {stream} lacks {missing:?}, and cannot be given it back: {cause}"
            ))),
            Err(lost) => return Err(Ended::Parked(lost_stream(&self.pipeline, &lost))),
        }
        Ok(())
    }

    /// Writes into the registry that the candidate has ended, so that all engines end it.
    async fn end_candidate(&self, revision: u64, reason: &str) {
        tracing::warn!(revision, reason, "the candidate ends");
        let now_ms = self.world.clock.unix_ms();
        let before = Some(json!({ "candidate": revision }));
        let after = json!({ "reason": reason });
        let Some(record) = self.own_change("candidate-ended", before, after) else {
            return;
        };
        let ended = self.change_entry(|pipeline| pipeline.end_candidate(revision, reason.to_owned(), now_ms));
        if let Err(cause) = ended.await {
            tracing::warn!(cause, "that the candidate ends cannot be written yet");
            tokio::time::sleep(FIRST_PAUSE).await;
            return self.status.candidate_reports.say_again();
        }
        self.tell_audit(&record).await;
    }

    /// Whether other partitions are this engine's than those that run.
    fn has_moved(&self, running: &mut Running, membership: &Arc<Membership>) -> bool {
        let partitions = running.plan.manifest.partitions;
        let owned = membership.owned(&self.pipeline, partitions, running.share.shared);
        running.share.membership = membership.clone();
        owned != running.share.partitions
    }

    /// Reconciles the counts of the barriers that are complete.
    async fn balance(&self, running: &Running) {
        let plan = &running.plan;
        while let Some(barrier) = self.status.reconciler.take_complete() {
            let input = &plan.manifest.input;
            let read = input.subjects_of(running.share.partitions.iter().copied());
            let counted = self.world.streams.count(
                input.stream.as_deref().unwrap_or_default(),
                &read,
                barrier.from,
                barrier.to,
            );
            // A broker that does not answer now is no imbalance: the next barrier is counted again.
            let input = counted.await.ok().flatten();
            let books = if running.share.partitions.first() == Some(&0) {
                self.world.commits.books(&self.pipeline).await.ok()
            } else {
                None
            };
            let at_ms = self.world.clock.unix_ms();
            let balance = self
                .status
                .reconciler
                .balance(&barrier, at_ms, input, books.as_ref());
            if let Some(imbalance) = balance.imbalance {
                tracing::error!(imbalance, "the books do not balance");
            }
        }
    }

    async fn trim(&self, running: &Running) {
        if running.share.partitions.first() != Some(&0) {
            return;
        }
        let own = own_stream(&self.pipeline, self.status.life, &running.plan.manifest);
        if own.keep_bytes.is_some()
            && let Err(cause) = self.world.streams.trim_outputs(&own).await
        {
            tracing::debug!(%cause, "outputs were not trimmed this time");
        }
    }
}
