//! Deleting a pipeline, and letting one begin again whose own stream is gone. Both are first a word in its entry.

use tailrace_core::{
    altered,
    audit::Change,
    identity::{PartitionId, PipelineId},
    life::Life,
    observe::status::State,
    ports::broker::{OwnError, OwnStream, own_stream},
    registry::{Key, Pipeline, PipelinePhase},
    unrecorded::unrecorded,
    world::World,
};

use crate::{
    command::{Commands, apply::told, condition::Condition},
    error::{ControlError, ControlResult},
    lives::Intent,
};

impl Commands {
    /// Lets a pipeline begin again whose own stream is gone, or has lost its records: as a new life, with a new
    /// stream and an empty state, from where its manifest says.
    pub async fn renew_stream(&self, id: &PipelineId) -> ControlResult<()> {
        let (mut pipeline, revision) = self.known(id).await?;
        let world = self.context.world_of(&id.tenant).await?;
        let own = own_stream(id, pipeline.life, &pipeline.active.manifest);
        let is_usable = match world.streams.bring_own(&own, true).await {
            Ok(facts) => !altered::is_final(&facts.altered),
            // A broker that does not answer says nothing of the stream.
            Err(OwnError::Broker(cause)) => return Err(cause.into()),
            // It would be in the way of the new one, and it is not ours to delete.
            Err(cause @ OwnError::Theirs(_)) => {
                return Err(ControlError::Conflict(format!("{cause}; then repeat this")));
            }
            Err(OwnError::Gone(_) | OwnError::Foreign { .. }) => false,
        };
        if is_usable && !self.has_lost_records(&world, id, &pipeline).await? {
            return Err(ControlError::Conflict(format!(
                "pipeline {} has its stream, and all that it needs in it; to throw away what it holds, delete the pipeline and apply it again",
                id.pipeline
            )));
        }
        self.check_free(id, &own).await?;
        pipeline.life = Life::new(&*self.context.world.random);
        pipeline.phase = PipelinePhase::Renewing;
        pipeline.by = self.context.me();
        let change = Change::new(
            "pipeline-renewed",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change
            .in_life(pipeline.tenant_life)
            .from(Some(told(&pipeline.active)));
        let intent = Intent::Create(id.clone(), pipeline.life);
        let make = async {
            let key = Key::Pipeline(id.clone());
            self.context.write(&key, &pipeline, revision).await?;
            self.lives.finish(intent).await
        };
        self.audited(change, make).await
    }

    /// No other stream has taken the subjects meanwhile. Once the entry is of another life, what is there of this one is
    /// nobody's: a stream that comes back from a backup, and the local state.
    async fn check_free(&self, id: &PipelineId, own: &OwnStream) -> ControlResult<()> {
        for pattern in own.subjects() {
            let Some(holder) = self.other_holder(id, &pattern).await? else {
                continue;
            };
            let name = &id.pipeline;
            return Err(ControlError::Conflict(format!(
                "{pattern:?} is held by {holder} meanwhile, and two streams cannot hold the same subject, so pipeline {name} gets no new stream and stays as it is; take the subject out of that stream (nats stream edit), or delete it, then repeat this; or delete the pipeline, and apply it with another output.subject"
            )));
        }
        Ok(())
    }

    /// Whether a partition has no record, not even the one that it began with, or its newest is gone. Before lives none
    /// was written, so there only the engine that runs it can tell. So it can, where records are damaged.
    async fn has_lost_records(
        &self,
        world: &World,
        id: &PipelineId,
        pipeline: &Pipeline,
    ) -> ControlResult<bool> {
        let status = self.context.overview.pipeline(id);
        if status.as_ref().is_some_and(|status| status.lacks_records()) {
            return Ok(true);
        }
        if pipeline.life.is_unnamed() {
            return Ok(status.is_some_and(|status| matches!(status.state(), State::Parked { .. })));
        }
        let mut partitions = Vec::new();
        for partition in 0..pipeline.active.manifest.partitions {
            let partition = PartitionId {
                pipeline: id.clone(),
                life: pipeline.life,
                partition,
            };
            if world.commits.last(&partition).await?.is_none() {
                return Ok(true);
            }
            partitions.push(partition);
        }
        let accepted = pipeline.accepted_repeats.unwrap_or(0);
        Ok(unrecorded(world, &partitions, accepted).await?.is_some())
    }

    /// Deletes a pipeline with its state, its outputs and its dead letters. One that is being deleted already is
    /// waited for.
    pub async fn delete_pipeline(&self, id: &PipelineId, condition: Condition) -> ControlResult<()> {
        let key = Key::Pipeline(id.clone());
        let missing = || ControlError::not_found("pipeline", &id.pipeline);
        let (mut pipeline, revision) = self.context.read::<Pipeline>(&key).await?.ok_or_else(missing)?;
        condition.check(&pipeline.in_words(id), Some(revision))?;
        let intent = Intent::Delete(id.clone(), pipeline.life);
        if pipeline.phase == PipelinePhase::Deleting {
            return self.lives.finish(intent).await;
        }
        let change = Change::new(
            "pipeline-deleted",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change
            .in_life(pipeline.tenant_life)
            .from(Some(told(&pipeline.active)));
        let life = pipeline.life;
        pipeline.phase = PipelinePhase::Deleting;
        pipeline.by = self.context.me();
        let (key, pipeline) = (&key, &pipeline);
        let begin = || async move { self.context.write(key, pipeline, revision).await.map(drop) };
        let finish = || self.lives.finish(intent.clone());
        let free = self.lives.free(id, life);
        let deleted = self.audited_deletion(&id.tenant, change, free, begin, finish);
        condition.settle(deleted.await)
    }
}
