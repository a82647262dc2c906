//! What the broker holds of snapshots.

use std::collections::BTreeMap;

use tailrace_core::identity::PartitionId;

/// What is kept, by partition and number of the commit.
pub(super) type HeldSnapshots = BTreeMap<(PartitionId, u64), (BTreeMap<String, String>, Vec<u8>)>;
