//! Whether the pipeline's own stream still has the records that its partitions need to be rebuilt. Who loses the local
//! state finds out too late, so it is looked at while that is there: where records are gone, the state is written away as
//! a snapshot at once.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{identity::PartitionId, ports::broker::BrokerError, record, world::World};
use tokio::sync::Notify;

use crate::run::PipelineRun;

/// What is known of the records of the partitions here.
#[derive(Default)]
pub(super) struct Records {
    /// Commit of the first record that is there, where it is known to lead on from a snapshot.
    first: BTreeMap<u32, u64>,
}

impl PipelineRun {
    /// Looks at the first record of each partition here. It is moved by snapshots, and by nobody else.
    pub(super) async fn look_at_records(
        &self,
        records: &mut Records,
        snapshots: &BTreeMap<u32, Arc<Notify>>,
    ) {
        let mut lost = None;
        for (&number, snapshot) in snapshots {
            let partition = PartitionId {
                pipeline: self.pipeline.clone(),
                life: self.status.life,
                partition: number,
            };
            match records.has_lost(&self.world, &partition).await {
                Ok(Some(first)) => {
                    tracing::error!(%partition, first, "records were deleted from the pipeline's own stream");
                    lost = lost.or(Some((number, first)));
                    snapshot.notify_one();
                }
                Ok(None) => {}
                // A broker that does not answer now says nothing of them.
                Err(cause) => tracing::debug!(%partition, %cause, "its records are not known now"),
            }
        }
        let told = lost.map(|(number, first)| {
            format!(
                "commit records of partition {number} before commit {first} are gone from the pipeline's own stream, and no snapshot has what they held; the local state of this engine is the only copy, and is written away as a snapshot now; see who deletes messages there, or what its limits are (tailrace doctor)"
            )
        });
        self.status.set_records_trouble(told);
    }
}

impl Records {
    /// The commit of the first record, where the newest snapshot does not lead to it.
    async fn has_lost(&mut self, world: &World, partition: &PartitionId) -> Result<Option<u64>, BrokerError> {
        let parts = world.commits.after(partition, 0, 1).await?;
        let Some(Ok((head, _))) = parts.first().map(|part| record::decode_part(&part.payload)) else {
            // What cannot be read is found, and said, when it is needed.
            return Ok(None);
        };
        let first = head.commit;
        let is_known = self.first.get(&partition.partition) == Some(&first);
        // Every partition begins with the record of commit 0, or before lives with that of commit 1.
        if is_known || first <= 1 {
            return Ok(None);
        }
        let newest = world.snapshots.list(partition).await?.first().copied();
        if newest.is_none_or(|newest| newest + 1 < first) {
            return Ok(Some(first));
        }
        self.first.insert(partition.partition, first);
        Ok(None)
    }
}
