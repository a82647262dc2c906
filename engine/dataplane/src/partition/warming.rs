//! Instances that were spent are made anew while there is nothing else to do, so that the next event finds them
//! started. An interpreter takes some milliseconds to start, in which it could process a hundred events.
//!
//! Only what is settled is warmed up: a commit never waits for it. A partition whose events follow each other closely
//! makes the instance at the next event, as it would here. One that has had no event yet has no instance either, for
//! many pipelines are idle.
//!
//! Why: docs/decisions/0191-a-spent-instance-is-made-anew-at-once.md

use tailrace_core::ports::executor;

use crate::partition::{
    Partition,
    end::{Step, failed, lock},
};

impl Partition {
    /// Whether an instance is to be made anew now.
    pub(super) fn may_warm_up(&self) -> bool {
        let ends = self.stopping || self.swap.is_some();
        !ends && self.is_settled() && self.worker().processor.is_cold()
    }

    /// Makes them, in a turn of the tenant.
    pub(super) async fn warm_up(&mut self) -> Step<()> {
        let tenant = self.committer.partition.pipeline.tenant.clone();
        let worker = self.worker.clone();
        executor::run(&*self.world.turns, &tenant, move || {
            lock(&worker).processor.warm_up();
        })
        .await
        .map_err(|_| failed("a turn did not come to its end"))?;
        let taken = self.worker().processor.memory_bytes();
        self.committer.status.holds(taken);
        Ok(())
    }
}
