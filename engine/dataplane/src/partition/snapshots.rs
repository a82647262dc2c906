//! When a partition makes a snapshot, and making it beside the work.

use std::sync::Arc;

use tailrace_core::{
    identity::PartitionId,
    ports::{executor, store::PartitionStore},
    tasks,
    world::World,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::partition::{Partition, since_snapshot::SinceSnapshot, snapshot};

impl Partition {
    /// Starts a snapshot in the background when enough was committed since the last one.
    pub(super) fn snapshot_if_due(&mut self) {
        self.since_snapshot.commits += 1;
        let since = &self.since_snapshot;
        let now = self.world.clock.monotonic();
        let due = since.bytes >= self.settings.snapshot_after_bytes
            || since.commits >= self.settings.snapshot_after_commits
            || now.saturating_sub(since.began) >= self.settings.snapshot_every;
        if due {
            self.snapshot();
        }
    }

    /// Starts a snapshot in the background, unless one is on its way.
    pub(super) fn snapshot(&mut self) {
        if self.snapshotting.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let now = self.world.clock.monotonic();
        self.since_snapshot = SinceSnapshot {
            bytes: 0,
            commits: 0,
            began: now,
        };
        let (world, partition, state_store) = (
            self.world.clone(),
            self.committer.partition.clone(),
            self.state_store.clone(),
        );
        let snapshot = async move {
            if let Err(cause) = make_snapshot(&world, &partition, state_store).await {
                tracing::warn!(%cause, "no snapshot this time");
            }
        };
        let task = tasks::spawn(snapshot.in_current_span());
        self.snapshotting = Some(AbortOnDropHandle::new(task));
    }
}

async fn make_snapshot(
    world: &World,
    partition: &PartitionId,
    state_store: Arc<dyn PartitionStore>,
) -> Result<(), String> {
    let tenant = &partition.pipeline.tenant;
    let exported = executor::run(&*world.turns, tenant, move || snapshot::export(&*state_store)).await;
    let (applied, chunks) = exported
        .map_err(|lost| lost.to_string())?
        .map_err(|cause| cause.to_string())?;
    snapshot::store(world, partition, applied, chunks)
        .await
        .map_err(|cause| cause.to_string())
}
