//! Why a partition could not be recovered.

use tailrace_core::{
    identity::PartitionId,
    ports::{broker::BrokerError, store::StoreError},
    subject,
};

/// Recovery failed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The broker's fault: worth another try.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The local store's: worth another try.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The records are gone, every one: purged or deleted by somebody. Nothing is begun anew in silence.
    #[error(
        "the commit records of partition {partition} are gone from the pipeline's own stream (this engine's state is of commit {commit}); to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {}); to give it up: tailrace pipeline delete {} --yes",
        partition.pipeline.pipeline, partition.pipeline.tenant, partition.pipeline.pipeline
    )]
    Lost {
        /// The partition.
        partition: PartitionId,
        /// The last commit that the local state store holds.
        commit: u64,
    },
    /// The newest record is gone, and what it committed is still there. Nothing is done twice in silence.
    #[error(
        "the newest commit record of partition {partition} is gone from the pipeline's own stream: commit {commit} was stored, and the last record that is there is of commit {last}; to go on from there with the outputs since then published again: tailrace pipeline resume {} --accept-repeats; or restore the stream from a backup, then: tailrace pipeline resume {}; to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {})",
        partition.pipeline.pipeline, partition.pipeline.pipeline, partition.pipeline.pipeline, partition.pipeline.tenant
    )]
    NewestLost {
        /// The partition.
        partition: PartitionId,
        /// The commit that is known to have been stored.
        commit: u64,
        /// The commit of the last record that is there.
        last: u64,
    },
    /// The newest message on the commit subject is none that the pipeline wrote there. To go on from it would do again what
    /// was done since.
    #[error(
        "message {sequence} on the commit subject of partition {} is no record that the pipeline wrote there: it is of commit {commit}, and lies behind the record of commit {before}; somebody stored it by hand; delete it: nats stream rmm {} {sequence}, then: tailrace pipeline resume {}; to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {})",
        partition.partition, subject::stream_name(&partition.pipeline), partition.pipeline.pipeline, partition.pipeline.pipeline, partition.pipeline.tenant
    )]
    Stray {
        /// The partition.
        partition: PartitionId,
        /// Where the message lies.
        sequence: u64,
        /// The commit that it is of.
        commit: u64,
        /// The commit of a record before it.
        before: u64,
    },
    /// A message on the commit subject is no record. Somebody stored it, or a later version of the engine did.
    #[error(
        "message {sequence} on the commit subject of partition {} is no commit record that this version reads; if somebody stored it by hand, delete it: nats stream rmm {} {sequence}, then: tailrace pipeline resume {}; if a later version of the engine wrote it, start that version; to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {})",
        partition.partition, subject::stream_name(&partition.pipeline), partition.pipeline.pipeline, partition.pipeline.pipeline, partition.pipeline.tenant
    )]
    Foreign {
        /// The partition.
        partition: PartitionId,
        /// Where the message lies.
        sequence: u64,
    },
    /// Its records are there, and what lies before them is nowhere. No try mends that.
    #[error(
        "partition {partition} cannot be recovered: its records begin with commit {first}, and what was before {}; this engine has no local state of it, either; restore the stream OBJ_tailrace_snapshots from a backup of the same time, or start an engine on the data folder that has the state, then: tailrace pipeline resume {}; if records were deleted, restore the stream {} as well; to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {})",
        if *held == 0 { "is in no snapshot: the bucket OBJ_tailrace_snapshots holds none of it".to_owned() } else { format!("is in no snapshot that can be used: the bucket OBJ_tailrace_snapshots holds {held} of it, damaged, too old, or later than the last record") },
        partition.pipeline.pipeline, subject::stream_name(&partition.pipeline), partition.pipeline.pipeline, partition.pipeline.tenant
    )]
    NoSnapshot {
        /// The partition.
        partition: PartitionId,
        /// The commit of the first record that is there.
        first: u64,
        /// How many snapshots there are.
        held: usize,
    },
    /// A record is damaged, or records are missing. No try mends that; somebody must look.
    #[error(
        "partition {partition} cannot be recovered: {cause}; restore the stream from a backup, then: tailrace pipeline resume {}; to begin again with an empty state: tailrace pipeline resume {} --new-stream (tenant {})",
        partition.pipeline.pipeline, partition.pipeline.pipeline, partition.pipeline.tenant
    )]
    Damaged {
        /// The partition.
        partition: PartitionId,
        /// What is wrong.
        cause: String,
    },
}
