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
