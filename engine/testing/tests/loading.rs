//! A plugin that is at work already is not fetched again: every apply of a pipeline asks for its plugins, and a
//! broker that is away for a moment must not stop what is in memory.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tailrace_core::{
    grant::{CallLimits, Grant},
    identity::Digest,
    load::load_plugin,
    name::Name,
    ports::plugins::{Admitted, Instance, Plugin, PluginError, PluginRuntime},
};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::{Link, Service},
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

struct Nothing;

impl Plugin for Nothing {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Err(PluginError::Invalid("it only lies in memory".to_owned()))
    }
}

/// Keeps what it has loaded.
#[derive(Default)]
struct Runtime {
    loaded: Mutex<BTreeSet<Digest>>,
}

impl PluginRuntime for Runtime {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        Err(PluginError::Invalid("nothing is uploaded".to_owned()))
    }
    fn load(&self, digest: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        self.loaded.lock().unwrap().insert(digest);
        Ok(Arc::new(Nothing))
    }
    fn loaded(&self, digest: Digest) -> Option<Arc<dyn Plugin>> {
        let is_loaded = self.loaded.lock().unwrap().contains(&digest);
        is_loaded.then(|| Arc::new(Nothing) as Arc<dyn Plugin>)
    }
}

#[tokio::test]
async fn a_plugin_at_work_is_not_fetched_again() {
    let link = Link::new(None);
    let registry = MemoryRegistry::new(link.clone());
    let digest = registry.hold_plugin(Bytes::from_static(b"a component"));
    let world = world(
        &MemoryBroker::new(Options::default()),
        &registry,
        Arc::new(MemoryStore::default()),
        Arc::new(Runtime::default()),
    );
    let tenant = Name::new("shop").unwrap();
    link.cut(Service::Registry);
    assert!(load_plugin(&world, &tenant, digest).await.is_err());
    link.mend(Service::Registry);
    assert!(load_plugin(&world, &tenant, digest).await.unwrap().is_some());
    link.cut(Service::Registry);
    assert!(load_plugin(&world, &tenant, digest).await.unwrap().is_some());
}
