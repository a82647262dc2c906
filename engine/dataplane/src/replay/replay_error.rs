//! Why a replay fails.

use tailrace_core::ports::store::StoreError;

/// Why a batch cannot be done again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Another engine has written it.
    #[error(
        "record {0} has no order log that this engine reads: an engine from before, or a later one, has written it"
    )]
    NoOrder(u64),
    /// The records do not follow one another.
    #[error("record {found} does not follow record {before}")]
    Gap {
        /// The last one.
        before: u64,
        /// What came.
        found: u64,
    },
    /// What the record was made of is not there any more.
    #[error("{0} is not there any more")]
    Missing(String),
    /// The batch takes another course than its record says.
    #[error("record {commit}, item {item}: {what}")]
    Diverged {
        /// The record.
        commit: u64,
        /// The item of the batch, from 0.
        item: u64,
        /// What happened.
        what: String,
    },
    /// The local store's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}
