//! The life of one pipeline on this engine: make it ready, run its partitions, start again from what
//! is committed when something breaks, stand by when another engine has it, wait when it is paused.
//!
//! Whatever goes wrong below, the answer is the same: stop all partitions, recover, go on. That is
//! cheap, because positions and images are durable, and it leaves one way to test.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::Breaker,
    commit::{Committer, jittered},
    intake::{self, Intake, Lane},
    partition::{End, Partition, Parts},
    plan::Plan,
    progress::Progress,
    recover::{self, RecoverError, Recovered},
    schedule,
    settings::Settings,
    status::{PartitionStatus, PipelineStatus, State},
};
use crate::{
    failpoint::{self, Point},
    identity::{Digest, PartitionId, PipelineId},
    membership::Membership,
    name::Name,
    ports::{
        World,
        broker::{BrokerError, InputError},
        plugins::{CompileLimit, Plugin, PluginError},
    },
    registry,
    spec::{PipelineSpec, Start},
    tasks,
};

/// Batches of messages that wait between intake and partition; each has at most 512.
const LANE_BATCHES: usize = 4;
/// First pause before a pipeline is started again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause before a pipeline is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often outputs are trimmed to `keep.bytes`.
const TRIM_EVERY: Duration = Duration::from_secs(10);

/// What the registry says of a pipeline: none once it is deleted.
pub type Entry = Option<(Arc<registry::Pipeline>, Arc<registry::Tenant>)>;

/// One pipeline.
pub struct PipelineRun {
    /// The world.
    pub world: World,
    /// Which one.
    pub pipeline: PipelineId,
    /// What the registry says of it.
    pub entry: watch::Receiver<Entry>,
    /// Which engines share the work.
    pub members: watch::Receiver<Option<Arc<Membership>>>,
    /// What the operator has set.
    pub settings: Settings,
    /// Ends it gracefully.
    pub stop: CancellationToken,
    /// What it is doing.
    pub status: Arc<PipelineStatus>,
}

/// Why a run of the partitions ended.
enum Ended {
    /// The engine stops, or the pipeline is deleted.
    Stopped,
    /// The registry says something that needs a new start.
    Changed,
    /// Worth another try, after a pause.
    Again(String),
    /// Another engine has it.
    Fenced,
    /// A step's policy asks for a pause.
    Pause(String),
    /// Only somebody's action mends it.
    Parked(String),
    /// Other engines have all its partitions.
    NotOurs(String),
}

impl From<BrokerError> for Ended {
    fn from(cause: BrokerError) -> Self {
        Self::Again(cause.to_string())
    }
}

impl From<RecoverError> for Ended {
    fn from(cause: RecoverError) -> Self {
        match cause {
            RecoverError::Damaged { .. } => Self::Parked(cause.to_string()),
            _ => Self::Again(cause.to_string()),
        }
    }
}

impl From<PluginError> for Ended {
    fn from(cause: PluginError) -> Self {
        match cause {
            PluginError::Engine(_) | PluginError::TooCostly(CompileLimit::Wall(_)) => {
                Self::Again(cause.to_string())
            }
            _ => Self::Parked(cause.to_string()),
        }
    }
}

impl PipelineRun {
    /// Runs until it is stopped or the pipeline is deleted.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.stop.is_cancelled() {
            let Some((pipeline, tenant)) = self.entry.borrow_and_update().clone() else {
                break;
            };
            if let Some(reason) = &pipeline.paused {
                self.status.enter(State::Paused {
                    reason: reason.clone(),
                });
                self.wait_for_change(None).await;
                continue;
            }
            let began = self.world.clock.monotonic();
            let ended = self.attempt(&pipeline, &tenant).await;
            if self.world.clock.monotonic().saturating_sub(began) > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            self.after(ended, pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.status.enter(State::Stopped);
    }

    /// Shows why it ended, and waits for what mends it.
    async fn after(&mut self, ended: Ended, pause: Duration) {
        let pipeline = &self.pipeline;
        match ended {
            Ended::Stopped | Ended::Changed => {}
            Ended::Again(reason) => {
                tracing::warn!(%pipeline, reason, "the pipeline starts again from what is committed");
                self.status.stats.recovered();
                self.status.enter(State::Waiting { reason });
                self.wait_for_change(Some(jittered(pause, &*self.world.random)))
                    .await;
            }
            Ended::Fenced => {
                let reason = "another engine has committed for this pipeline".to_owned();
                tracing::warn!(%pipeline, "fenced: {reason}");
                self.status.enter(State::StandingBy { reason });
                self.wait_for_change(Some(jittered(pause, &*self.world.random)))
                    .await;
            }
            Ended::NotOurs(reason) => {
                self.status.set_partitions(BTreeMap::new());
                self.status.enter(State::StandingBy { reason });
                self.wait_for_change(None).await;
            }
            Ended::Pause(reason) => {
                tracing::warn!(%pipeline, reason, "the pipeline is paused");
                self.status.enter(State::Paused {
                    reason: reason.clone(),
                });
                self.write_pause(reason).await;
            }
            Ended::Parked(reason) => {
                tracing::error!(%pipeline, reason, "the pipeline is parked");
                self.status.enter(State::Parked { reason });
                self.wait_for_change(None).await;
            }
        }
    }

    async fn wait_for_change(&mut self, most: Option<Duration>) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            _ = self.entry.changed() => {}
            _ = self.members.changed() => {}
            () = sleep(most) => {}
        }
    }

    /// Writes a pause that a step's policy asks for into the registry, so that it outlives the engine.
    async fn write_pause(&mut self, reason: String) {
        let key = registry::Key::Pipeline(self.pipeline.clone()).to_string();
        while !self.stop.is_cancelled() {
            match self.try_pause(&key, &reason).await {
                Ok(()) => return self.wait_for_change(None).await,
                Err(cause) => {
                    tracing::warn!(pipeline = %self.pipeline, cause, "the pause cannot be written yet");
                }
            }
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    async fn try_pause(&self, key: &str, reason: &str) -> Result<(), String> {
        let Some(entry) = self
            .world
            .registry
            .get(key)
            .await
            .map_err(|cause| cause.to_string())?
        else {
            return Ok(());
        };
        let Some(value) = entry.value else { return Ok(()) };
        let mut pipeline: registry::Pipeline =
            serde_json::from_slice(&value).map_err(|cause| cause.to_string())?;
        pipeline.paused = Some(reason.to_owned());
        let value = serde_json::to_vec(&pipeline).map_err(|cause| cause.to_string())?;
        self.world
            .registry
            .put(key, value.into(), entry.revision)
            .await
            .map_err(|cause| cause.to_string())?;
        Ok(())
    }

    /// From nothing to running, until it ends.
    async fn attempt(&mut self, pipeline: &registry::Pipeline, tenant: &registry::Tenant) -> Ended {
        self.status.enter(State::Starting);
        let stop = self.stop.clone();
        let started = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            started = self.start(pipeline, tenant) => started,
        };
        match started {
            Ok(running) => self.watch_over(running).await,
            Err(ended) => ended,
        }
    }

    async fn start(
        &self,
        pipeline: &registry::Pipeline,
        tenant: &registry::Tenant,
    ) -> Result<Running, Ended> {
        let stream = pipeline.active.spec.input.stream.clone().unwrap_or_default();
        let share = self.share(&pipeline.active.spec, &stream).await?;
        let plan = Arc::new(self.plan(pipeline, tenant).await?);
        self.world.streams.ensure_own(&plan.own_stream()).await?;
        let breaker = Arc::new(Breaker::default());
        let reconciler = self.status.reconciler.clone();
        reconciler.restart();
        let (plans, plan_seen) = watch::channel(plan.clone());
        let (redriven, redriven_seen) = watch::channel(pipeline.redriven);
        let moved = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        let mut set = JoinSet::new();
        let mut lanes = BTreeMap::new();
        let mut shown = BTreeMap::new();
        for number in share.partitions.iter().copied() {
            let status = Arc::new(PartitionStatus::default());
            let progress = Arc::new(Progress::new(moved.clone()));
            let (sender, lane) = mpsc::channel(LANE_BATCHES);
            let id = PartitionId {
                pipeline: self.pipeline.clone(),
                partition: number,
            };
            let Recovered { image, cursor } =
                recover::recover(&self.world, &id, &plan.spec, plan.seed).await?;
            failpoint::pass(Point::PartitionRecovered);
            let committer = self.committer(id, status.clone());
            let parts = Parts {
                world: self.world.clone(),
                plan: plan_seen.clone(),
                lane,
                stop: stop.clone(),
                progress: progress.clone(),
                committer,
                image,
                cursor,
                settings: self.settings,
                reconciler: reconciler.clone(),
                breaker: breaker.clone(),
            };
            let partition = Partition::new(parts)
                .map_err(|_| Ended::Again("a partition's image cannot be read".to_owned()))?;
            set.spawn(partition.run());
            shown.insert(number, (progress.clone(), status));
            lanes.insert(number, Lane { sender, progress });
        }
        self.status.set_partitions(shown);
        let intake = Intake {
            world: self.world.clone(),
            plan: plan_seen,
            stream,
            stream_created: pipeline.stream_created.clone(),
            start: pipeline
                .start_sequence
                .map_or(pipeline.active.spec.input.start.clone(), Start::Sequence),
            engine: share.membership.me.clone(),
            redriven: redriven_seen,
            lanes,
            moved,
            room: intake::room(),
            stop: stop.clone(),
            status: self.status.clone(),
            reconciler,
            reconcile_every: self.settings.reconcile_every,
        };
        let intake = tasks::spawn(intake.run());
        Ok(Running {
            plans,
            redriven,
            stop,
            partitions: set,
            intake,
            plan,
            share,
        })
    }

    /// The partitions that are this engine's. Waits until the engines are known.
    async fn share(&self, spec: &PipelineSpec, stream: &str) -> Result<Share, Ended> {
        let mut members = self.members.clone();
        let known = members.wait_for(Option::is_some).await;
        let membership = known.ok().and_then(|known| known.clone()).ok_or(Ended::Stopped)?;
        // Where there is no such stream, the subscription says so, in words for the tenant.
        let shared = match self.world.streams.stream(stream).await {
            Ok(facts) => facts.keeps_to_limits,
            Err(BrokerError::NoStream(_)) => true,
            Err(cause) => return Err(cause.into()),
        };
        self.status.set_shared(shared);
        let partitions = membership.owned(&self.pipeline, spec.partitions, shared);
        if partitions.is_empty() {
            let owner = membership.owner(&self.pipeline, 0, shared);
            return Err(Ended::NotOurs(format!(
                "its partitions belong to other engines, the first to {owner}"
            )));
        }
        Ok(Share {
            membership,
            shared,
            partitions,
        })
    }

    fn committer(&self, partition: PartitionId, status: Arc<PartitionStatus>) -> Committer {
        Committer {
            partition,
            log: self.world.commits.clone(),
            random: self.world.random.clone(),
            writer: self.world.random.next_u64(),
            max_part_bytes: self
                .world
                .streams
                .max_payload()
                .saturating_sub(RECORD_HEADER_ROOM),
            status,
            stats: self.status.stats.clone(),
        }
    }

    /// Loads the plugins of the active revision.
    async fn plan(&self, pipeline: &registry::Pipeline, tenant: &registry::Tenant) -> Result<Plan, Ended> {
        let mut plugins: BTreeMap<Name, Arc<dyn Plugin>> = BTreeMap::new();
        for (step, digest) in &pipeline.active.plugins {
            plugins.insert(step.clone(), self.load(*digest).await?);
        }
        Ok(Plan::new(
            self.pipeline.clone(),
            &pipeline.active,
            &plugins,
            tenant.seed,
        ))
    }

    async fn load(&self, digest: Digest) -> Result<Arc<dyn Plugin>, Ended> {
        load_plugin(&self.world, &self.pipeline.tenant, digest)
            .await?
            .ok_or_else(|| {
                Ended::Parked(format!(
                    "the bytes of plugin {digest} are gone from the object store; upload that version again"
                ))
            })
    }

    /// Runs until something ends it; then ends all of it.
    async fn watch_over(&mut self, mut running: Running) -> Ended {
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
        let mut balance = tokio::time::interval(self.settings.reconcile_every);
        balance.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut trim = tokio::time::interval(TRIM_EVERY);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ended::Stopped,
                ended = running.partitions.join_next() => return partition_ended(ended),
                ended = &mut running.intake => return intake_ended(ended),
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
                _ = trim.tick() => self.trim(running).await,
                _ = balance.tick() => self.balance(running).await,
            }
        }
    }

    /// Takes a change of the registry up without stopping, where that is possible.
    async fn adopt(&mut self, running: &mut Running) -> Result<(), Ended> {
        let Some((pipeline, tenant)) = self.entry.borrow_and_update().clone() else {
            return Err(Ended::Stopped);
        };
        if pipeline.paused.is_some() || pipeline.active.spec.input != running.plan.spec.input {
            return Err(Ended::Changed);
        }
        running
            .redriven
            .send_if_modified(|count| std::mem::replace(count, pipeline.redriven) != pipeline.redriven);
        if pipeline.active.number == running.plan.revision {
            return Ok(());
        }
        let plan = match self.plan(&pipeline, &tenant).await {
            Ok(plan) => Arc::new(plan),
            Err(ended) => return Err(ended),
        };
        self.world.streams.ensure_own(&plan.own_stream()).await?;
        tracing::info!(pipeline = %self.pipeline, revision = plan.revision, "the pipeline goes on with another revision");
        running.plan = plan.clone();
        running.plans.send_replace(plan);
        Ok(())
    }

    /// Whether other partitions are this engine's than those that run.
    fn has_moved(&self, running: &mut Running, membership: &Arc<Membership>) -> bool {
        let partitions = running.plan.spec.partitions;
        let owned = membership.owned(&self.pipeline, partitions, running.share.shared);
        running.share.membership = membership.clone();
        owned != running.share.partitions
    }

    /// Balances the books of the cuts that are complete.
    async fn balance(&self, running: &Running) {
        let plan = &running.plan;
        while let Some(cut) = self.status.reconciler.take_complete() {
            let counted = self.world.streams.count(
                plan.spec.input.stream.as_deref().unwrap_or_default(),
                &plan.spec.input.subjects,
                cut.from,
                cut.to,
            );
            // A broker that does not answer now is no imbalance: the next cut is counted again.
            let input = counted.await.ok().flatten();
            let books = if running.share.partitions.first() == Some(&0) {
                self.world.commits.books(&self.pipeline).await.ok()
            } else {
                None
            };
            let at_ms = self.world.clock.unix_ms();
            let balance = self.status.reconciler.balance(&cut, at_ms, input, books.as_ref());
            if let Some(imbalance) = balance.imbalance {
                tracing::error!(pipeline = %self.pipeline, imbalance, "the books do not balance");
            }
        }
    }

    async fn trim(&self, running: &Running) {
        if running.share.partitions.first() != Some(&0) {
            return;
        }
        let own = running.plan.own_stream();
        if own.keep_bytes.is_some()
            && let Err(cause) = self.world.streams.trim_outputs(&own).await
        {
            tracing::debug!(pipeline = %self.pipeline, %cause, "outputs were not trimmed this time");
        }
    }
}

/// Room that a message leaves for the headers of the atomic batch.
const RECORD_HEADER_ROOM: usize = 4 * 1024;
/// Longest that partitions may take to finish, commit and end.
const DRAIN: Duration = Duration::from_secs(20);

/// A pipeline at work.
struct Running {
    plans: watch::Sender<Arc<Plan>>,
    redriven: watch::Sender<u64>,
    stop: CancellationToken,
    partitions: JoinSet<End>,
    intake: tokio::task::JoinHandle<Result<(), InputError>>,
    plan: Arc<Plan>,
    share: Share,
}

/// What of the pipeline is this engine's.
struct Share {
    membership: Arc<Membership>,
    /// Whether engines may share the input.
    shared: bool,
    partitions: Vec<u32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.intake.abort();
    }
}

/// A plugin could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The broker's fault.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The plugin's, or ours.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

impl From<LoadError> for Ended {
    fn from(cause: LoadError) -> Self {
        match cause {
            LoadError::Broker(cause) => cause.into(),
            LoadError::Plugin(cause) => cause.into(),
        }
    }
}

/// Loads a plugin by its digest, on a guest thread of its tenant, for it may have to be compiled.
pub async fn load_plugin(
    world: &World,
    tenant: &Name,
    digest: Digest,
) -> Result<Option<Arc<dyn Plugin>>, LoadError> {
    let Some(component) = world.registry.plugin(digest).await? else {
        return Ok(None);
    };
    let runtime = world.plugins.clone();
    let loaded = schedule::run(&*world.turns, tenant, move || runtime.load(digest, &component)).await;
    Ok(Some(
        loaded.map_err(|lost| PluginError::Engine(lost.to_string()))??,
    ))
}

fn partition_ended(ended: Option<Result<End, tokio::task::JoinError>>) -> Ended {
    match ended {
        None | Some(Ok(End::Stopped)) => Ended::Again("a partition ended".to_owned()),
        Some(Ok(End::Fenced)) => Ended::Fenced,
        Some(Ok(End::Paused(reason))) => Ended::Pause(reason),
        Some(Ok(End::Plugin(reason))) => Ended::Parked(reason),
        Some(Ok(End::Failed(reason))) => Ended::Again(reason),
        Some(Err(panic)) => Ended::Again(format!("a partition panicked: {panic}")),
    }
}

fn intake_ended(ended: Result<Result<(), InputError>, tokio::task::JoinError>) -> Ended {
    match ended {
        Ok(Ok(())) => Ended::Again("the intake ended".to_owned()),
        Ok(Err(cause)) => Ended::Parked(cause.to_string()),
        Err(panic) => Ended::Again(format!("the intake panicked: {panic}")),
    }
}

async fn sleep(most: Option<Duration>) {
    match most {
        Some(most) => tokio::time::sleep(most).await,
        None => std::future::pending().await,
    }
}
