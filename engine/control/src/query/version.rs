//! What the answers about a pipeline are made from, as a value that can be compared. The response cache
//! relies on it: an answer is given again only while its version vector is the current one.
//!
//! This is enough. A query reads the registry, the state stores of the pipeline's partitions, their
//! event-time clocks and the owners of the partitions, and nothing else. The vector names each of them by
//! something that never comes back once it has changed:
//!
//! - the registry and the membership by their address in memory, held weakly, so that it is not used again;
//! - a state store by the version of its content, drawn from one counter for all state stores;
//! - a clock by its owner, which moves forward only.
//!
//! So two equal vectors, one taken before and one after an answer was made, mean that nothing changed in
//! between.
//!
//! There is no vector where an answer needs more than that: while a partition belongs to another engine, has
//! no state store, or is just being changed.
//!
//! Why: docs/decisions/0052-cached-answers.md

use std::sync::{Arc, Weak};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    membership::Membership,
    observe::progress::Progress,
    registry::Registry,
};

use crate::query::Queries;

/// What a pipeline's answers are made from.
#[derive(Debug, Clone)]
pub struct VersionVector {
    registry: Weak<Registry>,
    members: Option<Weak<Membership>>,
    is_shared: bool,
    partitions: Vec<PartitionVersion>,
}

#[derive(Debug, Clone)]
struct PartitionVersion {
    version: u64,
    clock: Option<(Weak<Progress>, u64)>,
}

impl PartialEq for VersionVector {
    fn eq(&self, other: &Self) -> bool {
        let same_members = match (&self.members, &other.members) {
            (Some(one), Some(other)) => one.ptr_eq(other),
            (None, None) => true,
            _ => false,
        };
        same_members
            && self.registry.ptr_eq(&other.registry)
            && self.is_shared == other.is_shared
            && self.partitions == other.partitions
    }
}

impl PartialEq for PartitionVersion {
    fn eq(&self, other: &Self) -> bool {
        let same_clock = match (&self.clock, &other.clock) {
            (Some((one, at)), Some((other, other_at))) => one.ptr_eq(other) && at == other_at,
            (None, None) => true,
            _ => false,
        };
        same_clock && self.version == other.version
    }
}

impl Queries {
    /// The version vector of this moment; none where there is none (see the module).
    pub fn version_vector(&self, id: &PipelineId) -> Option<VersionVector> {
        let registry = self.context.registry().ok()?;
        let pipeline = registry.pipelines.get(id)?;
        let (partitions, life) = (pipeline.active.manifest.partitions, pipeline.life);
        let members = self.context.cluster.members.borrow().clone();
        let status = self.context.overview.pipeline(id);
        let is_shared = status.as_ref().is_none_or(|status| status.is_shared());
        let is_here = |partition| {
            let members = members.as_ref();
            members.is_none_or(|members| *members.owner(id, partition, is_shared) == members.me)
        };
        let of_partition = |partition| {
            let place = PartitionId {
                pipeline: id.clone(),
                life,
                partition,
            };
            let state_store = self.context.world.store.existing(&place).ok()??;
            Some(PartitionVersion {
                version: state_store.version()?,
                clock: status.as_ref().and_then(|status| status.clock(partition)),
            })
        };
        let stamped = (0..partitions).map(|partition| {
            if is_here(partition) {
                of_partition(partition)
            } else {
                None
            }
        });
        Some(VersionVector {
            partitions: stamped.collect::<Option<_>>()?,
            registry: Arc::downgrade(&registry),
            members: members.as_ref().map(Arc::downgrade),
            is_shared,
        })
    }
}
