//! Making a pipeline, from the entry that says so: its place among the tenant's others, its stream, the record
//! that each partition begins with, its first revision; then the entry says that it is there. What cannot be
//! made is deleted again, and says why.

use std::time::Duration;

use futures::future::try_join_all;
use tailrace_core::{
    failpoint::{self, Point},
    identity::{PartitionId, PipelineId},
    life::Life,
    ports::broker::{BrokerError, OwnError, own_stream},
    record,
    registry::{Key, Pipeline, PipelinePhase, Registry, Tenant},
    world::World,
};

use crate::{
    error::{ControlError, ControlResult},
    lives::{Lives, is_passing_create},
};

/// Longest wait for others that were begun before and whose outcome decides whether there is a place.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

impl Lives {
    /// Makes a pipeline of this life, unless that is done or no longer wanted.
    pub(super) async fn create(&self, id: &PipelineId, life: Life) -> ControlResult<()> {
        let key = Key::Pipeline(id.clone());
        let Some((mut pipeline, revision)) = self.context.read::<Pipeline>(&key).await? else {
            return Err(gone(id));
        };
        match pipeline.phase {
            _ if pipeline.life != life => return Err(gone(id)),
            PipelinePhase::Ready => return Ok(()),
            PipelinePhase::Deleting => return Err(gone(id)),
            PipelinePhase::Creating | PipelinePhase::Renewing => {}
        }
        failpoint::pass(Point::CreateBegun);
        self.context
            .wait_until(|registry| registry.revision >= revision)
            .await?;
        match self.make(id, &pipeline, revision).await {
            Ok(()) => {
                pipeline.phase = PipelinePhase::Ready;
                pipeline.by = None;
                self.context.write(&key, &pipeline, revision).await?;
                failpoint::pass(Point::CreateDone);
                Ok(())
            }
            Err(cause) if is_passing_create(&cause) => Err(cause),
            Err(cause) if self.is_kept(id, &pipeline).await => {
                tracing::warn!(%id, %cause, "a pipeline could not begin again; it stays as it is");
                pipeline.phase = PipelinePhase::Ready;
                self.context.write(&key, &pipeline, revision).await?;
                Err(cause)
            }
            Err(cause) => {
                tracing::warn!(%id, %cause, "a pipeline could not be made; what was made of it goes");
                pipeline.phase = PipelinePhase::Deleting;
                if let Err(trouble) = self.undo(id, &pipeline, revision).await {
                    // An engine goes on with that by itself. Whoever asked hears why it was not made.
                    tracing::warn!(%id, cause = %trouble, "what was made of a pipeline is not gone yet");
                }
                Err(cause)
            }
        }
    }

    /// Deletes what was made of a pipeline.
    async fn undo(&self, id: &PipelineId, deleted: &Pipeline, revision: u64) -> ControlResult<()> {
        self.context
            .write(&Key::Pipeline(id.clone()), deleted, revision)
            .await?;
        self.delete(id, deleted.life).await
    }

    /// Whether a pipeline that could not be made was there before, and has its owner still.
    async fn is_kept(&self, id: &PipelineId, pipeline: &Pipeline) -> bool {
        pipeline.phase == PipelinePhase::Renewing && self.check_owner(id, pipeline).await.is_ok()
    }

    async fn make(&self, id: &PipelineId, pipeline: &Pipeline, revision: u64) -> ControlResult<()> {
        self.check_owner(id, pipeline).await?;
        self.context.hold_versions(&id.tenant, &pipeline.active).await?;
        if pipeline.phase == PipelinePhase::Creating {
            self.take_place(id, pipeline, revision).await?;
        }
        failpoint::pass(Point::CreatePlaced);
        let world = self.context.world.of(pipeline.nats_account.as_ref()).await?;
        let own = own_stream(id, pipeline.life, &pipeline.active.manifest);
        match world.streams.create_own(&own).await {
            Ok(_) => {}
            Err(OwnError::Foreign { .. }) => {
                // Whatever bears the name is of a life that has no entry any more: this entry has the name.
                self.clear_name(&world, id).await?;
                world
                    .streams
                    .create_own(&own)
                    .await
                    .map_err(|cause| unusable(&cause))?;
            }
            Err(cause) => return Err(unusable(&cause)),
        }
        failpoint::pass(Point::CreateStreamMade);
        begin_partitions(&world, id, pipeline).await?;
        failpoint::pass(Point::CreatePartitionsBegun);
        self.remove_snapshots(&world, id, None).await?;
        failpoint::pass(Point::CreateNameCleared);
        self.context
            .keep_revision(id, pipeline.life, &pipeline.active)
            .await?;
        failpoint::pass(Point::CreateRevisionKept);
        Ok(())
    }

    /// The tenant is still the one that it is made for. It may have gone since that was looked at first.
    async fn check_owner(&self, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
        let key = Key::Tenant(id.tenant.clone());
        let tenant = self.context.read::<Tenant>(&key).await?;
        let is_the_same = tenant.is_some_and(|(tenant, _)| {
            !tenant.deleting
                && tenant.life == pipeline.tenant_life
                && tenant.nats_account == pipeline.nats_account
        });
        if is_the_same {
            return Ok(());
        }
        Err(ControlError::Conflict(format!(
            "tenant {} was deleted or moved while pipeline {} was made for it",
            id.tenant, id.pipeline
        )))
    }

    /// Takes the pipeline's place among those of its tenant. Places are given in the order in which the entries
    /// were written, so any number of requests at once come to what the quota allows.
    async fn take_place(&self, id: &PipelineId, pipeline: &Pipeline, revision: u64) -> ControlResult<()> {
        let wanted = pipeline.active.manifest.partitions;
        let is_decided = |registry: &Registry| {
            let earlier = Earlier::of(registry, id, revision);
            let has_place = earlier.check(registry, id, wanted).is_ok();
            has_place || earlier.undecided == 0
        };
        // Those that were begun before may still find no place for themselves.
        let _ = self.context.wait_within(DECIDED_WITHIN, is_decided).await;
        let registry = self.context.registry()?;
        Earlier::of(&registry, id, revision).check(&registry, id, wanted)
    }

    /// Deletes a stream that an ended life of the name has left. One that no engine made is left alone, and so is
    /// that of a later life: then it is this one that has ended.
    async fn clear_name(&self, world: &World, id: &PipelineId) -> ControlResult<()> {
        let name = tailrace_core::subject::stream_name(id);
        match world.streams.stream(&name).await {
            Ok(facts) if facts.is_engines => {
                // Read after the stream: a life that has no entry by then never comes back.
                if self.life_now(id).await? == Some(facts.life) {
                    return Err(gone(id));
                }
                tracing::warn!(%id, life = %facts.life, "a stream that an ended life has left is deleted");
                Ok(world.streams.remove_own(id, facts.life).await?)
            }
            Ok(_) | Err(BrokerError::NoStream(_)) => Ok(()),
            Err(cause) => Err(cause.into()),
        }
    }
}

/// What a tenant's other pipelines take that have their place before this one.
struct Earlier {
    pipelines: usize,
    partitions: u32,
    undecided: usize,
}

impl Earlier {
    fn of(registry: &Registry, id: &PipelineId, revision: u64) -> Self {
        let mut earlier = Self {
            pipelines: 0,
            partitions: 0,
            undecided: 0,
        };
        for (other, pipeline) in registry.pipelines_of(&id.tenant) {
            let written = registry.written.get(&Key::Pipeline(other.clone()).to_string());
            let has_place = matches!(pipeline.phase, PipelinePhase::Ready | PipelinePhase::Renewing);
            let is_before = has_place || written.is_some_and(|written| *written < revision);
            if other == id || pipeline.phase == PipelinePhase::Deleting || !is_before {
                continue;
            }
            earlier.pipelines += 1;
            earlier.partitions += pipeline.active.manifest.partitions;
            earlier.undecided += usize::from(pipeline.phase == PipelinePhase::Creating);
        }
        earlier
    }

    fn check(&self, registry: &Registry, id: &PipelineId, wanted: u32) -> ControlResult<()> {
        let Some(tenant) = registry.tenants.get(&id.tenant) else {
            return Err(ControlError::not_found("tenant", &id.tenant));
        };
        let quotas = &tenant.quotas;
        if self.pipelines >= quotas.pipelines as usize {
            return Err(ControlError::Quota(format!(
                "the tenant's quota of {} pipelines is used up; delete one, or ask an operator to raise it",
                quotas.pipelines
            )));
        }
        if self.partitions + wanted > quotas.partitions {
            return Err(ControlError::Quota(format!(
                "the tenant's quota of {} partitions leaves {}; ask an operator to raise it",
                quotas.partitions,
                quotas.partitions.saturating_sub(self.partitions)
            )));
        }
        Ok(())
    }
}

/// Each partition begins with a record of commit 0. So one without any record has lost its own, and the first
/// commit of another life, whose fence expects none, finds this one in its way.
async fn begin_partitions(world: &World, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
    let record = record::beginning();
    let begun = (0..pipeline.active.manifest.partitions).map(|partition| {
        let partition = PartitionId {
            pipeline: id.clone(),
            life: pipeline.life,
            partition,
        };
        let record = record.clone();
        async move { world.commits.begin(&partition, record).await }
    });
    try_join_all(begun).await?;
    Ok(())
}

fn unusable(cause: &OwnError) -> ControlError {
    match cause {
        OwnError::Broker(cause) => cause.clone().into(),
        OwnError::Theirs(_) => ControlError::Conflict(format!("{cause}; then repeat this")),
        cause => ControlError::Conflict(cause.to_string()),
    }
}

fn gone(id: &PipelineId) -> ControlError {
    ControlError::Conflict(format!("pipeline {} was deleted while it was made", id.pipeline))
}
