//! The world of one engine: the shared broker, its own disk, turns on the spot, the paused clock.

use std::sync::Arc;

use tailrace_core::{
    manifest::Delivery,
    ports::tracer::{SpanCounts, SpanRecord, Tracer},
    trace::sampling::Sampling,
    world::World,
};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    faults::Faults,
    registry::MemoryRegistry,
    store::MemoryStore,
};

use super::plugins::{COUNT, Manner, STAMP, SimRuntime};

/// A broker on which a scenario runs.
pub fn broker(faults: &Arc<Faults>) -> MemoryBroker {
    MemoryBroker::new(options(faults))
}

/// What a scenario wants of its broker.
pub fn options(faults: &Arc<Faults>) -> Options {
    Options {
        faults: Some(faults.clone()),
        // Small, so that records are split into parts.
        max_payload: 16 * 1024,
        expected_delivery: Some(Delivery::ExactlyOnce),
        received_ms,
        ..Options::default()
    }
}

/// Some come late: behind the windows that are kept.
pub fn received_ms(sequence: u64) -> u64 {
    let late = if sequence.is_multiple_of(11) { 5_000 } else { 0 };
    10_000 + sequence * 40 - late
}

/// The world of an engine with this disk, and plugins of this manner.
pub fn world(broker: &MemoryBroker, store: &MemoryStore, faults: &Arc<Faults>, manner: Manner) -> World {
    let registry = MemoryRegistry::new(broker.link().clone());
    for plugin in [COUNT, STAMP] {
        registry.hold_plugin(plugin.into());
    }
    let plugins = Arc::new(SimRuntime {
        faults: faults.clone(),
        manner,
    });
    World {
        random: faults.clone(),
        tracer: Arc::new(Share(manner.traced)),
        ..tailrace_testing::world::world(broker, &registry, Arc::new(store.clone()), plugins)
    }
}

/// Follows the traces of this share of the events, and drops what is told of them.
struct Share(Option<f64>);

impl Tracer for Share {
    fn sampling(&self) -> Option<Sampling> {
        self.0.map(Sampling::ratio)
    }
    fn record(&self, _: SpanRecord) {}
    fn counts(&self) -> SpanCounts {
        SpanCounts::default()
    }
}
