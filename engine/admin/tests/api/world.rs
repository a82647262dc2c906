//! The smallest world that a control plane runs in: broker, registry and store in memory, and a sandbox
//! that admits what begins like WebAssembly. Everything counts what is done to it, so that a test can say
//! that a refused request did nothing.

mod letter;
mod sandbox;

use std::sync::{Arc, mpsc::Receiver};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    name::Name,
    world::World,
};
use tailrace_testing::{
    audit::BreakableAudit,
    broker::{MemoryBroker, Options},
    clock::StoppedClock,
    link::Service,
    registry::{MemoryRegistry, bucket::MemoryBucket},
    store::{Content, MemoryStore},
};

use self::sandbox::Sandbox;

/// The pipeline whose state stores a test holds and changes.
pub const BUSY: &str = "busy";
/// The pipeline that every stage has.
pub const CLICKS: &str = "clicks";

/// All ports, and a hand on each.
pub struct Fake {
    pub broker: MemoryBroker,
    pub registry: MemoryRegistry,
    pub store: MemoryStore,
    pub audit: Arc<BreakableAudit>,
    leases: MemoryBucket,
    pub alarms: MemoryBucket,
    sandbox: Arc<Sandbox>,
}

/// A pipeline of the tenant `shop`.
pub fn of_shop(pipeline: &str) -> PipelineId {
    PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new(pipeline).unwrap(),
    }
}

fn place(pipeline: &str, partition: u32) -> PartitionId {
    PartitionId {
        pipeline: of_shop(pipeline),
        life: Life::UNNAMED,
        partition,
    }
}

impl Fake {
    /// A broker with the stream `SHOP` that takes no commit, and a state store for every partition of
    /// `clicks`.
    pub fn new() -> Arc<Self> {
        let broker = MemoryBroker::new(Options {
            syncs_always: Some(false),
            ..Options::default()
        });
        broker.declare("SHOP", &["shop.>"]);
        for service in [Service::Commits, Service::Snapshots] {
            broker.link().cut(service);
        }
        let registry = MemoryRegistry::new(broker.link().clone());
        let fake = Self {
            broker,
            registry,
            store: MemoryStore::lifeless(),
            audit: Arc::default(),
            leases: MemoryBucket::default(),
            alarms: MemoryBucket::default(),
            sandbox: Arc::default(),
        };
        fake.store.damage("damaged");
        fake.store.hold_uncounted(&place(CLICKS, 0), canned());
        Arc::new(fake)
    }

    /// `clicks` has a dead letter.
    pub fn leave_letter(&self) {
        letter::leave(&self.broker, &of_shop(CLICKS));
    }

    pub fn world(&self) -> World {
        let store = Arc::new(self.store.clone());
        let world = tailrace_testing::world::world(&self.broker, &self.registry, store, self.sandbox.clone());
        World {
            audit: self.audit.clone(),
            leases: Arc::new(self.leases.clone()),
            alarms: Arc::new(self.alarms.clone()),
            clock: Arc::new(StoppedClock),
            ..world
        }
    }

    /// How often anything was written, deleted, compiled or sent again.
    pub fn acts(&self) -> u64 {
        let done = self.registry.uploads() + self.store.removals();
        self.written() + done + self.broker.writes() + self.sandbox.admitted()
    }

    /// How many entries were ever written to any bucket.
    pub fn written(&self) -> u64 {
        self.registry.entries() + self.leases.writes() + self.alarms.writes()
    }

    /// The partition of `busy` holds this from now on.
    pub fn hold(&self, partition: u32, content: Content) {
        self.store.hold(&place(BUSY, partition), content);
    }

    /// The content of a partition of `busy` changes.
    pub fn commit(&self, partition: u32, change: impl FnOnce(&mut Content)) {
        self.store.change(&place(BUSY, partition), change);
    }

    /// When state stores have been read so many times more, this happens.
    pub fn while_reading(self: &Arc<Self>, after: u64, act: impl FnOnce(&Self) + Send + 'static) {
        let fake = self.clone();
        self.store.while_reading(after, move || act(&fake));
    }

    /// The next merge of groups or windows waits for word from here.
    pub fn merge_when(&self, gate: Receiver<()>) {
        self.store.merge_when(gate);
    }
}

/// What `clicks` holds.
fn canned() -> Content {
    let mut content = Content::default();
    let state: [(&str, &[u8]); 4] = [
        ("a/b", b"slash"),
        ("binary", &[0, 0xff]),
        ("json", b"{\"n\":1.50}"),
        ("text", b"plain"),
    ];
    for (key, value) in state {
        content.set("count", key, value, Some(99));
    }
    content.set_vector("users", "u1", &[0.5, -1.0]);
    content
}
