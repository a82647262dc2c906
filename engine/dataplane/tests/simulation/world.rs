//! The world of one engine: the shared broker, its own disk, turns on the spot, the paused clock.

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    compilers::Compilers,
    name::Name,
    ports::{
        audit::MemoryAudit,
        clock::Clock,
        executor::{Executor, Job},
    },
    world::World,
};

use super::{
    broker::{Connection, SimBroker},
    faults::Faults,
    plugins::SimRuntime,
    store::SimStore,
};

/// Turns happen on the spot.
struct OnTheSpot;

impl Executor for OnTheSpot {
    fn submit(&self, _: &Name, job: Job) {
        job();
    }
}

/// Tokio's clock, which is paused: time passes only when everybody waits.
struct PausedClock {
    started: tokio::time::Instant,
}

impl Clock for PausedClock {
    fn unix_ms(&self) -> u64 {
        1_700_000_000_000 + self.started.elapsed().as_millis() as u64
    }
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

pub fn world(broker: &Arc<SimBroker>, store: &SimStore, faults: &Arc<Faults>) -> World {
    World {
        streams: broker.clone(),
        input: Arc::new(Connection(broker.clone())),
        commits: broker.clone(),
        dead_letters: broker.clone(),
        snapshots: broker.clone(),
        accounts: Arc::new(tailrace_core::ports::accounts::NoAccounts),
        registry: broker.clone(),
        compilers: Compilers::default(),
        audit: Arc::new(MemoryAudit::default()),
        leases: broker.clone(),
        alarms: broker.clone(),
        notices: Arc::new(tailrace_core::ports::notices::NoNotices),
        peers: broker.clone(),
        store: Arc::new(store.clone()),
        plugins: Arc::new(SimRuntime {
            faults: faults.clone(),
        }),
        turns: Arc::new(OnTheSpot),
        tracer: Arc::new(tailrace_core::ports::tracer::NoTracer),
        clock: Arc::new(PausedClock {
            started: tokio::time::Instant::now(),
        }),
        random: faults.clone(),
    }
}
