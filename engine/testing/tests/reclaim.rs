//! The engine has its local store give disk back, now and then, for as long as it runs.

use std::{sync::Arc, time::Duration};

use tailrace_core::{membership::Membership, name::Name, observe::overview::Overview};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn a_running_engine_gives_disk_back_now_and_then() {
    let (broker, store) = (MemoryBroker::new(Options::default()), MemoryStore::default());
    let registry = MemoryRegistry::new(broker.link().clone());
    let alone = Membership::alone(Name::new("engine").unwrap());
    let (_members, members) = watch::channel(Some(Arc::new(alone)));
    let (_registry, registered) = watch::channel(None);
    let stop = CancellationToken::new();
    let engine = Engine {
        world: world(&broker, &registry, Arc::new(store.clone()), Arc::new(NoPlugins)),
        registry: registered,
        overview: Overview::default(),
        members,
        settings: Settings::default(),
        stop: stop.clone(),
    };
    let engine = tailrace_core::tasks::spawn(engine.run());
    sleep(Duration::from_secs(30)).await;
    assert_eq!(store.reclaim_passes(), 0, "the start has enough to do");
    sleep(Duration::from_mins(12)).await;
    assert_eq!(store.reclaim_passes(), 3);
    stop.cancel();
    engine.await.unwrap();
}
