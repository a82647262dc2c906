//! A whole world in memory: every port, none of it failing by itself. A test replaces what it is about:
//! `World { random: faults, ..world(&broker, &registry, store, plugins) }`.

use std::sync::Arc;

use tailrace_core::{
    compile_semaphore::CompileSemaphore,
    ports::{
        accounts::NoAccounts, audit::MemoryAudit, notices::NoNotices, plugins::PluginRuntime,
        store::LocalStore, tracer::NoTracer,
    },
    world::World,
};

use crate::{
    broker::MemoryBroker,
    clock::TokioClock,
    executor::OnTheSpot,
    peers::NoPeers,
    random::Sequence,
    registry::{MemoryRegistry, bucket::MemoryBucket},
};

/// The world of one engine. Leases and alarms are its own; broker and registry may be shared.
pub fn world(
    broker: &MemoryBroker,
    registry: &MemoryRegistry,
    store: Arc<dyn LocalStore>,
    plugins: Arc<dyn PluginRuntime>,
) -> World {
    let shared = Arc::new(broker.clone());
    World {
        streams: shared.clone(),
        input: shared.clone(),
        commits: shared.clone(),
        dead_letters: shared.clone(),
        snapshots: shared.clone(),
        messages: shared.clone(),
        tenant_streams: shared,
        accounts: Arc::new(NoAccounts),
        registry: Arc::new(registry.clone()),
        compilers: CompileSemaphore::default(),
        audit: Arc::new(MemoryAudit::default()),
        leases: Arc::new(MemoryBucket::default()),
        alarms: Arc::new(MemoryBucket::default()),
        notices: Arc::new(NoNotices),
        peers: Arc::new(NoPeers),
        store,
        plugins,
        turns: Arc::new(OnTheSpot),
        tracer: Arc::new(NoTracer),
        clock: Arc::new(TokioClock::start()),
        random: Arc::new(Sequence::default()),
    }
}
