//! Why a partition could not be recovered.

use tailrace_core::{
    identity::PartitionId,
    ports::{broker::BrokerError, store::StoreError},
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
    /// A record is damaged, or records are missing. No try mends that; somebody must look.
    #[error(
        "partition {partition} cannot be recovered: {cause}; restore the stream from a backup, or delete the pipeline and make it anew"
    )]
    Damaged {
        /// The partition.
        partition: PartitionId,
        /// What is wrong.
        cause: String,
    },
}
