//! From nothing to running: which partitions are this engine's, the plugins of the revision, every
//! partition recovered, and the intake that feeds them.
//!
//! Why: docs/decisions/0021-the-input-is-fixed.md

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    altered,
    failpoint::{self, Point},
    identity::{Digest, PartitionId, PipelineId},
    load::load_plugin,
    manifest::{PipelineManifest, Start},
    membership::Membership,
    name::Name,
    observe::{progress::Progress, status::PartitionStatus},
    ports::{
        broker::{BrokerError, InputError, OwnError, StreamFacts, own_stream, too_small_a_limit},
        plugins::Plugin,
        store::PartitionStore,
    },
    registry::{self, Rebase, Revision},
    table::{READINGS, Reading},
    tasks,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    intake::{self, Intake, PartitionQueue},
    limits::{RateLimiter, RateLimiters, Rates, tenants::AtWork},
    observe::context,
    partition::{
        Partition,
        breaker::Breaker,
        commit::Committer,
        end::End,
        parts::Parts,
        recover::{self, Recovered, Since},
    },
    plan::{CandidatePlan, Plan},
    run::{Ended, PipelineRun, records::Records, unassigned::Unassigned},
    tables::feed::{TableFeeds, TablePartition},
};

/// Batches of messages that wait between intake and partition; each has at most 512.
const QUEUE_BATCHES: usize = 4;
/// Room that a message leaves for the headers of the atomic batch.
const RECORD_HEADER_ROOM: usize = 4 * 1024;

/// A pipeline at work.
pub(super) struct Running {
    /// One a listener, so that they hear of a plan in one order: a simulation must repeat itself.
    pub(super) plans: Vec<watch::Sender<Arc<Plan>>>,
    pub(super) redriven: watch::Sender<u64>,
    pub(super) stop: CancellationToken,
    pub(super) partitions: JoinSet<End>,
    pub(super) intake: tokio::task::JoinHandle<Result<(), InputError>>,
    pub(super) plan: Arc<Plan>,
    pub(super) share: Share,
    pub(super) limiter: Arc<RateLimiter>,
    /// The NATS account that all of it goes through.
    pub(super) account: Option<Name>,
    /// When the pipeline's own stream was made: another moment means another stream.
    pub(super) own_created: String,
    /// Largest payload of a message that the broker took when it began.
    pub(super) max_payload: usize,
    /// Where the input is read from since somebody said so.
    pub(super) rebase: Option<Rebase>,
    /// What is known of its records.
    pub(super) records: Records,
    /// Where partitions are asked for a snapshot at once.
    pub(super) snapshots: BTreeMap<u32, Arc<Notify>>,
    /// How far the events are counted that name no partition.
    pub(super) unassigned: Unassigned,
    /// Its partitions, as the tenant's limits count them.
    _at_work: AtWork,
}

/// What of the pipeline is this engine's.
pub(super) struct Share {
    pub(super) membership: Arc<Membership>,
    /// Whether engines may share the input.
    pub(super) shared: bool,
    pub(super) partitions: Vec<u32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.intake.abort();
    }
}

/// What to do about a stream of the pipeline's own that is not there any more.
pub(super) fn lost_stream(id: &PipelineId, lost: &OwnError) -> String {
    let PipelineId { tenant, pipeline } = id;
    // It is in the way of a new one.
    let first = if matches!(lost, OwnError::Theirs(_)) {
        "then, "
    } else {
        ""
    };
    format!(
        "{lost}; {first}to begin again with an empty state: tailrace pipeline resume {pipeline} --new-stream (tenant {tenant}); to give it up: tailrace pipeline delete {pipeline} --yes"
    )
}

/// A pipeline runs as long as its tenant may read what it reads, and write what it writes.
pub(super) fn check_grants(pipeline: &registry::Pipeline, tenant: &registry::Tenant) -> Result<(), Ended> {
    let candidate = pipeline.candidate.as_ref().map(|candidate| &candidate.revision);
    for revision in std::iter::once(&pipeline.active).chain(candidate) {
        tenant.check_grants(&revision.manifest).map_err(|cause| {
            Ended::Parked(format!(
                "revision {} reaches beyond its tenant's grants: {cause}; it goes on when they cover it",
                revision.number
            ))
        })?;
    }
    Ok(())
}

/// Up to where a partition has its tables.
fn readings(plan: &Plan, state_store: &dyn PartitionStore) -> Result<BTreeMap<Name, Reading>, Ended> {
    let mut readings = BTreeMap::new();
    for table in plan.tables.iter() {
        let unread = |cause: String| Ended::Again(format!("a partition's image cannot be read: {cause}"));
        let stored = state_store.get(READINGS, table.name.as_str());
        if let Some(stored) = stored.map_err(|cause| unread(cause.to_string()))? {
            let reading = Reading::decode(&stored.value).map_err(|cause| unread(cause.to_string()))?;
            readings.insert(table.name.clone(), reading);
        }
    }
    Ok(readings)
}

fn streams_of_tables(plan: &Plan) -> impl Iterator<Item = (Name, String, Option<String>)> {
    plan.tables.iter().map(|table| {
        let stream = table.manifest.stream_name().unwrap_or_default();
        (table.name.clone(), stream, table.upstream_in_words())
    })
}

impl PipelineRun {
    /// Makes it ready and lets it run.
    pub(super) async fn start(
        &self,
        pipeline: &registry::Pipeline,
        tenant: &registry::Tenant,
    ) -> Result<Running, Ended> {
        check_grants(pipeline, tenant)?;
        let max_payload = self.check_limit().await?;
        let stream = pipeline.active.manifest.input.stream.clone().unwrap_or_default();
        let share = self.share(&pipeline.active.manifest, &stream).await?;
        let plan = Arc::new(self.plan(pipeline, tenant).await?);
        self.begin_candidate(pipeline, &plan);
        let own = self.bring_own(pipeline, &plan).await?;
        let at_work = self.tenant_gate.at_work(share.partitions.len());
        let limiter = Arc::new(RateLimiter::default());
        limiter.set(Rates::of_pipeline(&plan.manifest, share.partitions.len()));
        let breaker = Arc::new(Breaker::default());
        let reconciler = self.status.reconciler.clone();
        reconciler.restart();
        self.check_recorded(pipeline, &share.partitions).await?;
        let since = Since {
            rebase: pipeline.rebase,
            accepted_repeats: pipeline.accepted_repeats.unwrap_or(0),
        };
        let mut plans = Vec::new();
        let mut listen = || {
            let (sender, seen) = watch::channel(plan.clone());
            plans.push(sender);
            seen
        };
        let (redriven, redriven_seen) = watch::channel(pipeline.redriven);
        let moved = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        let mut set = JoinSet::new();
        let mut partition_queues = BTreeMap::new();
        let mut table_partitions = BTreeMap::new();
        let mut shown = BTreeMap::new();
        let mut snapshots = BTreeMap::new();
        for number in share.partitions.iter().copied() {
            let status = Arc::new(PartitionStatus::default());
            let progress = Arc::new(Progress::new(moved.clone()));
            let (sender, queue) = mpsc::channel(QUEUE_BATCHES);
            let id = PartitionId {
                pipeline: self.pipeline.clone(),
                life: pipeline.life,
                partition: number,
            };
            let context = context::partition(&id);
            let recovered = recover::recover(&self.world, &id, &plan.manifest, plan.seed, since);
            let Recovered {
                state_store,
                cursor,
                clock,
            } = recovered.instrument(context.clone()).await?;
            failpoint::pass(Point::PartitionRecovered);
            let table_partition = TablePartition {
                sender: sender.clone(),
                readings: readings(&plan, &*state_store)?,
            };
            table_partitions.insert(number, table_partition);
            let committer = self.committer(id, status.clone());
            let snapshot_now = Arc::<Notify>::default();
            snapshots.insert(number, snapshot_now.clone());
            let parts = Parts {
                world: self.world.clone(),
                plan: listen(),
                queue,
                stop: stop.clone(),
                progress: progress.clone(),
                committer,
                state_store,
                cursor,
                clock: clock.clone(),
                settings: self.settings,
                snapshot_now,
                reconciler: reconciler.clone(),
                breaker: breaker.clone(),
                views: self.status.views.clone(),
                candidate_reports: self.status.candidate_reports.clone(),
                limiters: RateLimiters {
                    pipeline: limiter.clone(),
                    tenant: self.tenant_gate.limiter(),
                },
            };
            let partition = Partition::new(parts)
                .map_err(|_| Ended::Again("a partition's image cannot be read".to_owned()))?;
            set.spawn(partition.run().instrument(context));
            shown.insert(number, (progress.clone(), status));
            let recorded = (cursor.position, clock);
            let partition_queue = PartitionQueue {
                sender,
                progress,
                recorded,
            };
            partition_queues.insert(number, partition_queue);
        }
        self.status.set_partitions(shown);
        let room = intake::room();
        let feeds = TableFeeds {
            world: self.world.clone(),
            plan: plan.clone(),
            engine: share.membership.me.clone(),
            partitions: table_partitions,
            room: (room.clone(), intake::ROOM_KIB),
            status: self.status.clone(),
        };
        self.status.tables.begin(streams_of_tables(&plan));
        let unassigned = Unassigned::behind(self.status.least_position(), &plan.manifest.input.start);
        let intake = Intake {
            tables: feeds.start(),
            world: self.world.clone(),
            plan: listen(),
            stream,
            stream_created: pipeline.stream_created.clone(),
            start: pipeline
                .start_sequence
                .map_or(pipeline.active.manifest.input.start.clone(), Start::Sequence),
            accepted_loss: pipeline.accepted_loss.unwrap_or(0),
            engine: share.membership.me.clone(),
            redriven: redriven_seen,
            partition_queues,
            moved,
            room,
            stop: stop.clone(),
            status: self.status.clone(),
            reconciler,
            reconcile_every: self.settings.reconcile_every,
        };
        let intake = tasks::spawn(intake.run().in_current_span());
        Ok(Running {
            plans,
            redriven,
            stop,
            partitions: set,
            intake,
            plan,
            share,
            limiter,
            account: tenant.nats_account.clone(),
            own_created: own.created,
            max_payload,
            rebase: pipeline.rebase,
            records: Records::default(),
            snapshots,
            unassigned,
            _at_work: at_work,
        })
    }

    /// A limit that leaves no room for the engine's own part of a message would make a dead letter of every event.
    async fn check_limit(&self) -> Result<usize, Ended> {
        let limit = self.world.streams.asked_max_payload().await;
        too_small_a_limit(limit).map_or(Ok(limit), |why| Err(Ended::Again(why)))
    }

    /// Brings the pipeline's own stream to what its revisions need of it. It was made with the pipeline: one that
    /// is gone has taken what was committed along, and nothing is made in its place in silence.
    pub(super) async fn bring_own(
        &self,
        pipeline: &registry::Pipeline,
        plan: &Plan,
    ) -> Result<StreamFacts, Ended> {
        let own = own_stream(&self.pipeline, pipeline.life, &plan.manifest);
        match self.world.streams.bring_own(&own, false).await {
            Ok(facts) if altered::misleads(&facts.altered) => Err(Ended::Again(
                altered::told(&self.pipeline, &facts.altered).unwrap_or_default(),
            )),
            Ok(facts) => Ok(facts),
            Err(OwnError::Broker(cause)) => Err(cause.into()),
            Err(lost) => Err(Ended::Parked(lost_stream(&self.pipeline, &lost))),
        }
    }

    /// The partitions that are this engine's. Waits until the engines are known.
    async fn share(&self, manifest: &PipelineManifest, stream: &str) -> Result<Share, Ended> {
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
        let partitions = membership.owned(&self.pipeline, manifest.partitions, shared);
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
            producer_epoch: self.world.random.next_u64(),
            max_part_bytes: self
                .world
                .streams
                .max_payload()
                .saturating_sub(RECORD_HEADER_ROOM),
            status,
            stats: self.status.stats.clone(),
        }
    }

    /// Loads the plugins of the active revision, and of the candidate beside it.
    pub(super) async fn plan(
        &self,
        pipeline: &registry::Pipeline,
        tenant: &registry::Tenant,
    ) -> Result<Plan, Ended> {
        let mut plan = self.plan_of(&pipeline.active, tenant).await?;
        let Some(candidate) = &pipeline.candidate else {
            return Ok(plan);
        };
        plan.candidate = match self.plan_of(&candidate.revision, tenant).await {
            Ok(plan) => Some(CandidatePlan {
                plan: Arc::new(plan),
                mode: candidate.mode,
            }),
            // The active revision goes on without it.
            Err(Ended::Parked(reason)) => {
                tracing::warn!(reason, "the candidate cannot run");
                None
            }
            Err(ended) => return Err(ended),
        };
        Ok(plan)
    }

    async fn plan_of(&self, revision: &Revision, tenant: &registry::Tenant) -> Result<Plan, Ended> {
        let mut plugins: BTreeMap<Name, Arc<dyn Plugin>> = BTreeMap::new();
        for (step, digest) in &revision.plugins {
            let steps = &revision.manifest.steps;
            let named = steps.iter().find(|declared| declared.name == *step);
            let named = named.map_or_else(|| digest.to_string(), |declared| declared.plugin.to_string());
            plugins.insert(step.clone(), self.load(*digest, &named).await?);
        }
        let mut plan = Plan::new(self.pipeline.clone(), revision, &plugins, tenant.seed);
        let prepared = plan.prepare_schemas(&self.registered);
        prepared.map_err(|why| {
            Ended::Parked(format!(
                "a schema of revision {} cannot be used: {why}; push it, or name another version, and apply the manifest again",
                revision.number
            ))
        })?;
        Ok(plan)
    }

    /// What is found of the candidate is counted from now on; one that the plan lacks cannot run.
    pub(super) fn begin_candidate(&self, pipeline: &registry::Pipeline, plan: &Plan) {
        let candidate_reports = &self.status.candidate_reports;
        let candidate = pipeline.candidate.as_ref();
        let candidate = candidate.map(|candidate| (candidate.revision.number, candidate.mode));
        candidate_reports.begin(candidate, self.world.clock.unix_ms());
        if let Some((revision, _)) = candidate.filter(|_| plan.candidate.is_none()) {
            candidate_reports.end(revision, "its plugins cannot be made ready to run".to_owned());
        }
    }

    async fn load(&self, digest: Digest, named: &str) -> Result<Arc<dyn Plugin>, Ended> {
        if let Some(plugin) = self.world.plugins.loaded(digest) {
            return Ok(plugin);
        }
        load_plugin(&self.world, &self.pipeline.tenant, digest)
            .await?
            .ok_or_else(|| {
                Ended::Parked(format!(
                    "the bytes of plugin {named} are gone from the object store; upload that version again (tailrace plugin push FILE), then: tailrace pipeline resume {}",
                    self.pipeline.pipeline
                ))
            })
    }
}
