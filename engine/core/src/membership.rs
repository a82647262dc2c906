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
//! Engines of different versions may share a cluster. An engine says in its lease which pipelines it cannot read
//! ([`Unread`]); those go to engines that can.
//!
//! Why: docs/decisions/0009-leases-and-the-fence.md, docs/decisions/0073-what-an-engine-cannot-read-is-run-by-others.md

use std::{
    collections::{BTreeMap, BTreeSet},
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
    name::Name,
    ports::clock::Clock,
};

mod unread;

pub use unread::Unread;

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
    /// What engines cannot read; those that read everything are not in here.
    pub unread: BTreeMap<EngineId, Unread>,
}

impl Membership {
    /// An engine that is alone.
    pub fn alone(me: EngineId) -> Self {
        let alive = BTreeSet::from([me.clone()]);
        Self {
            me,
            alive,
            unread: BTreeMap::new(),
        }
    }

    /// The engine that a partition belongs to. An input whose messages go with their acknowledgement
    /// has one reader, so there (`shared` is false) the whole pipeline is one engine's.
    pub fn owner(&self, pipeline: &PipelineId, partition: u32, shared: bool) -> &EngineId {
        let partition = if shared { partition } else { 0 };
        self.heaviest(pipeline, partition, |engine| self.reads(engine, pipeline))
    }

    /// Whether an engine can read a pipeline's entries.
    pub fn reads(&self, engine: &EngineId, pipeline: &PipelineId) -> bool {
        self.unread.get(engine).is_none_or(|unread| !unread.has(pipeline))
    }

    /// The engine that acts for a tenant as a whole; it can read all that the tenant has, if any engine can.
    pub fn owner_of_tenant(&self, tenant: &Name) -> &EngineId {
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: tenant.clone(),
        };
        self.heaviest(&id, 0, |engine| {
            let unread = self.unread.get(engine);
            unread.is_none_or(|unread| !unread.has_of(tenant))
        })
    }

    /// The heaviest of the engines that can read it. What no engine can read is nobody's to run; that it has an owner
    /// then means nothing.
    fn heaviest(&self, id: &PipelineId, partition: u32, reads: impl Fn(&EngineId) -> bool) -> &EngineId {
        let weigh = |engine: &&EngineId| weight(engine, id, partition);
        let able = self.alive.iter().filter(|engine| reads(engine)).max_by_key(weigh);
        able.or_else(|| self.alive.iter().max_by_key(weigh))
            .unwrap_or(&self.me)
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
            unread: BTreeMap::new(),
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
    fn what_an_engine_cannot_read_is_anothers_and_nothing_else_moves() {
        let before = members(&["a", "b"]);
        let mut after = before.clone();
        let id = |pipeline: &str| PipelineId {
            tenant: name("shop"),
            pipeline: name(pipeline),
        };
        let unread = ["shop/p0".to_owned(), "shop/p7".to_owned()];
        after.unread.insert(name("b"), Unread::new(unread.clone()));
        for pipeline in (0..50).map(|number| id(&format!("p{number}"))) {
            for partition in 0..8 {
                let owner = after.owner(&pipeline, partition, true);
                if unread.contains(&pipeline.to_string()) {
                    assert_eq!(owner.as_str(), "a");
                } else {
                    assert_eq!(owner, before.owner(&pipeline, partition, true));
                }
            }
        }
        assert_eq!(after.owner_of_tenant(&name("shop")).as_str(), "a");
        // What nobody can read has the owner that it had.
        after.unread.insert(name("a"), Unread::new(unread));
        assert_eq!(after.owner(&id("p7"), 3, true), before.owner(&id("p7"), 3, true));
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
