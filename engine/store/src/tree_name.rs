//! Names of trees: a partition's place without the tenant, whose database it is in.

use tailrace_core::{identity::PartitionId, name::Name};

/// Names have no slash, so no two partitions share a tree, and no two lives of one name.
pub(crate) fn tree_name(partition: &PartitionId) -> String {
    let PartitionId {
        pipeline,
        life,
        partition,
    } = partition;
    let name = format!("{}/{partition}", pipeline.pipeline);
    if life.is_unnamed() {
        name
    } else {
        format!("{name}/{life}")
    }
}

/// The partition that a tree is of; none for a tree of sled's own.
pub(crate) fn partition_of(tenant: &Name, tree: &[u8]) -> Option<PartitionId> {
    let name = std::str::from_utf8(tree).ok()?;
    PartitionId::of_place(&format!("{tenant}/{name}"))
}
