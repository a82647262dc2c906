//! Deleting a pipeline, from the entry that says so. The engines let go of it first; then what it has on the
//! broker goes, and its entry last. As long as the entry is there, nobody can make the name anew.

use tailrace_core::{
    failpoint::{self, Point},
    identity::PipelineId,
    life::Life,
    registry::{Key, Pipeline, PipelinePhase},
    world::World,
};

use crate::{
    error::{ControlError, ControlResult},
    lives::Lives,
};

impl Lives {
    /// Deletes a pipeline of this life, unless that is done.
    pub(super) async fn delete(&self, id: &PipelineId, life: Life) -> ControlResult<()> {
        let key = Key::Pipeline(id.clone());
        let Some((pipeline, revision)) = self.context.read::<Pipeline>(&key).await? else {
            return Ok(());
        };
        if pipeline.life != life || pipeline.phase != PipelinePhase::Deleting {
            return Ok(());
        }
        failpoint::pass(Point::DeleteBegun);
        self.wait_let_go(id, life).await;
        failpoint::pass(Point::DeleteLetGo);
        let account = pipeline
            .nats_account
            .clone()
            .or_else(|| self.context.account_of(&id.tenant));
        let world = self.context.world.of(account.as_ref()).await?;
        for stream in pipeline.active.manifest.streams_read() {
            world.streams.remove_consumers(id, &stream).await?;
        }
        failpoint::pass(Point::DeleteConsumersGone);
        world.streams.remove_own(id, life).await?;
        failpoint::pass(Point::DeleteStreamGone);
        self.remove_snapshots(&world, id, Some(life)).await?;
        failpoint::pass(Point::DeleteSnapshotsGone);
        let remembered = format!("pipeline.{}.{}", id.tenant, id.pipeline);
        self.context.world.alarms.delete(&remembered).await?;
        failpoint::pass(Point::DeleteAlarmsGone);
        for number in self.context.registry()?.all_revisions_of(id) {
            self.context.remove(&Key::Revision(id.clone(), number)).await?;
        }
        failpoint::pass(Point::DeleteRevisionsGone);
        self.remove_entry(&key, life, revision).await?;
        failpoint::pass(Point::DeleteDone);
        self.context
            .wait_until(|registry| registry.pipelines.get(id).is_none_or(|known| known.life != life))
            .await
    }
}

impl Lives {
    /// Removes a pipeline's entry, unless another task, or another engine, that was at it as well has done so.
    async fn remove_entry(&self, key: &Key, life: Life, revision: u64) -> ControlResult<()> {
        let removed = self.context.remove_at(key, revision).await;
        if let Err(ControlError::Raced(_)) = &removed {
            let known = self.context.read::<Pipeline>(key).await?;
            if known.is_none_or(|(known, _)| known.life != life) {
                return Ok(());
            }
        }
        removed
    }

    /// Removes what a pipeline that is to be deleted takes of the broker's storage: its stream, and its snapshots.
    pub(crate) async fn free(&self, id: &PipelineId, life: Life) -> ControlResult<()> {
        let world = self.context.world_of(&id.tenant).await?;
        world.streams.remove_own(id, life).await?;
        self.remove_snapshots(&world, id, Some(life)).await
    }

    /// Removes the snapshots of lives of a name that have ended, and of one that is on its way out.
    pub(super) async fn remove_snapshots(
        &self,
        world: &World,
        id: &PipelineId,
        going: Option<Life>,
    ) -> ControlResult<()> {
        let partitions = world.snapshots.partitions().await?;
        // Read after them: a life that has no entry by then never comes back.
        let now = self.life_now(id).await?;
        let ends = |life: Life| Some(life) == going || Some(life) != now;
        for partition in partitions
            .iter()
            .filter(|known| known.pipeline == *id && ends(known.life))
        {
            for commit in world.snapshots.list(partition).await? {
                world.snapshots.delete(partition, commit).await?;
            }
        }
        Ok(())
    }

    /// The life that a name has on the broker.
    pub(super) async fn life_now(&self, id: &PipelineId) -> ControlResult<Option<Life>> {
        let pipeline = self.context.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        Ok(pipeline.map(|(pipeline, _)| pipeline.life))
    }
}
