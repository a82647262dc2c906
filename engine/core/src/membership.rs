//! Several engines on one cluster share the partitions of each pipeline.
//!
//! Every engine holds a lease, an entry of a bucket that it renews (`tailrace_dataplane::membership`). From
//! the engines whose leases are alive, each computes by itself which partition is whose
//! ([`Membership::owner`]), by rendezvous hashing (Thaler and Ravishankar, 1998). An engine that joins takes
//! its share from all the others, and one that leaves gives its own to all of them. Nothing else moves.
//!
//! Two engines may for a moment see different members. That is harmless: the fence of the commit lets
//! only one of them commit, and the other starts again from what is committed.
//!
//! Why: docs/decisions/0009-leases-and-the-fence.md

use std::{
    collections::BTreeSet,
    hash::Hasher as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use siphasher::sip::SipHasher13;
use tokio::sync::watch;

use crate::{
    identity::{EngineId, PipelineId},
    ports::clock::Clock,
};

/// When the broker last answered, by the renewal of the lease: a connection that is up says little.
#[derive(Debug, Default)]
pub struct Heard(AtomicU64);

impl Heard {
    /// It has answered now.
    pub fn now(&self, clock: &dyn Clock) {
        self.0
            .store(clock.monotonic().as_millis() as u64, Ordering::Release);
    }

    /// For how long it has not.
    pub fn silence(&self, clock: &dyn Clock) -> Duration {
        let heard = Duration::from_millis(self.0.load(Ordering::Acquire));
        clock.monotonic().saturating_sub(heard)
    }
}

/// What the control plane sees of the engines and the broker.
#[derive(Clone)]
pub struct Cluster {
    /// The engines; none until they are known.
    pub members: watch::Receiver<Option<Arc<Membership>>>,
    /// When the broker last answered.
    pub heard: Arc<Heard>,
    /// After so long a silence the broker is taken for gone.
    pub patience: Duration,
}

/// The engines that are alive, as one of them sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// This engine.
    pub me: EngineId,
    /// All engines whose leases are alive, this one included.
    pub alive: BTreeSet<EngineId>,
}

impl Membership {
    /// An engine that is alone.
    pub fn alone(me: EngineId) -> Self {
        let alive = BTreeSet::from([me.clone()]);
        Self { me, alive }
    }

    /// The engine that a partition belongs to. An input whose messages go with their acknowledgement
    /// has one reader, so there (`shared` is false) the whole pipeline is one engine's.
    pub fn owner(&self, pipeline: &PipelineId, partition: u32, shared: bool) -> &EngineId {
        let partition = if shared { partition } else { 0 };
        let weighed = self
            .alive
            .iter()
            .max_by_key(|engine| (weight(engine, pipeline, partition), *engine));
        weighed.unwrap_or(&self.me)
    }

    /// The partitions that are this engine's.
    pub fn owned(&self, pipeline: &PipelineId, partitions: u32, shared: bool) -> Vec<u32> {
        let is_mine = |partition: &u32| *self.owner(pipeline, *partition, shared) == self.me;
        (0..partitions).filter(is_mine).collect()
    }
}

fn weight(engine: &EngineId, pipeline: &PipelineId, partition: u32) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0x656e_6769, 0x6e65_2020);
    hasher.write(engine.as_str().as_bytes());
    hasher.write_u8(0);
    hasher.write(pipeline.tenant.as_str().as_bytes());
    hasher.write_u8(0);
    hasher.write(pipeline.pipeline.as_str().as_bytes());
    hasher.write_u8(0);
    hasher.write_u32(partition);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn members(names: &[&str]) -> Membership {
        Membership {
            me: name(names[0]),
            alive: names.iter().map(|text| name(text)).collect(),
        }
    }

    fn owners(membership: &Membership) -> Vec<EngineId> {
        let pipelines = (0..50).map(|number| PipelineId {
            tenant: name("shop"),
            pipeline: name(&format!("p{number}")),
        });
        pipelines
            .flat_map(|pipeline| (0..8).map(move |partition| (pipeline.clone(), partition)))
            .map(|(pipeline, partition)| membership.owner(&pipeline, partition, true).clone())
            .collect()
    }

    #[test]
    fn every_partition_has_one_owner_and_all_engines_a_share() {
        let three = owners(&members(&["a", "b", "c"]));
        for engine in ["a", "b", "c"] {
            let share = three.iter().filter(|owner| owner.as_str() == engine).count();
            assert!((90..180).contains(&share), "{engine} has {share} of 400");
        }
        // Each engine computes the same.
        assert_eq!(three, owners(&members(&["c", "a", "b"])));
    }

    #[test]
    fn who_joins_or_leaves_moves_only_its_own_share() {
        let two = owners(&members(&["a", "b"]));
        let three = owners(&members(&["a", "b", "c"]));
        for (before, after) in two.iter().zip(&three) {
            assert!(before == after || after.as_str() == "c", "{before} -> {after}");
        }
    }

    #[test]
    fn an_input_with_one_reader_is_one_engines() {
        let pipeline = PipelineId {
            tenant: name("shop"),
            pipeline: name("queue"),
        };
        let all: Vec<_> = ["a", "b", "c"]
            .iter()
            .map(|me| Membership {
                me: name(me),
                ..members(&["a", "b", "c"])
            })
            .map(|membership| membership.owned(&pipeline, 4, false).len())
            .collect();
        assert_eq!(all.iter().sum::<usize>(), 4);
        assert!(all.contains(&4), "{all:?}");
    }
}
