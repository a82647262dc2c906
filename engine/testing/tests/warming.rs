//! An instance that was spent is made anew while the pipeline has nothing to do: the next event need not wait for it.

#[path = "shared/alone.rs"]
mod alone;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tailrace_core::{
    event::{Event, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    life::Life,
    observe::overview::Overview,
    ports::plugins::{
        Admitted, Call, CallFailure, Host, Instance, Plugin, PluginError, PluginRuntime, Trap, TrapCode,
    },
};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

/// Time passes by itself while all wait.
const LONG: Duration = Duration::from_secs(1);
const COMPONENT: &[u8] = b"traps";

/// A plugin that traps on payloads that say so; it counts its instances and its calls.
#[derive(Clone, Default)]
struct Traps {
    made: Arc<AtomicU32>,
    called: Arc<AtomicU32>,
}

impl PluginRuntime for Traps {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        Err(PluginError::Invalid("nothing is uploaded".to_owned()))
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Plugin for Traps {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Spent(self.called.clone(), false)))
    }
}

struct Spent(Arc<AtomicU32>, bool);

impl Instance for Spent {
    fn process(&mut self, event: &Event, _: &mut dyn Host) -> Call {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1 = &*event.payload == b"trap";
        let trap = || Trap {
            code: TrapCode::Crash,
            message: "simulated".to_owned(),
            backtrace: Vec::new(),
        };
        let result = if self.1 {
            Err(CallFailure::Trap(trap()))
        } else {
            Ok(Verdict::Drop)
        };
        Call { result, fuel: 10 }
    }
    fn is_spent(&self) -> bool {
        self.1
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

impl Traps {
    /// How many instances were made, and how many calls, when nothing moves any more.
    async fn settled(&self) -> (u32, u32) {
        tokio::time::sleep(LONG).await;
        (
            self.made.load(Ordering::Relaxed),
            self.called.load(Ordering::Relaxed),
        )
    }
}

/// A pipeline at work on one engine.
async fn start(plugin: &Traps) -> MemoryBroker {
    let broker = MemoryBroker::new(Options::default());
    broker.begin_pipeline(&alone::pipeline(), Life::UNNAMED, 1);
    // The stream is there from its first message on.
    broker.publish("IN", "other", "");
    let registry = MemoryRegistry::new(Link::new(None));
    registry.hold_plugin(COMPONENT.into());
    let text = r#"{"name":"clicks","input":{"stream":"IN","subjects":["in.>"]},
        "steps":[{"name":"traps","plugin":"traps@1.0.0","on-error":{"retries":0,"then":"drop"}}]}"#;
    alone::register(&registry, text, Some(COMPONENT)).await;
    let store = Arc::new(MemoryStore::default());
    let world = world(&broker, &registry, store, Arc::new(plugin.clone()));
    alone::start(world, "e-1", &["e-1"], Overview::default());
    broker
}

#[tokio::test(start_paused = true)]
async fn a_spent_instance_is_made_anew_before_the_next_event() {
    let plugin = Traps::default();
    let broker = start(&plugin).await;
    assert_eq!(plugin.settled().await, (0, 0), "no instance without an event");
    broker.publish("IN", "in.a", "goes");
    assert_eq!(plugin.settled().await, (1, 1));
    broker.publish("IN", "in.a", "trap");
    let (made, called) = plugin.settled().await;
    assert!(called > 1, "the event was processed");
    assert_eq!(made, called, "one for each trap, and one that waits");
    broker.publish("IN", "in.a", "goes");
    assert_eq!(plugin.settled().await, (made, called + 1), "the one that waited");
}
