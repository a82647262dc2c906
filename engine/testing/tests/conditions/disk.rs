//! The disk of the engine's data folder is full.

use std::sync::Arc;

use tailrace_core::observe::status::State;
use tailrace_testing::store::MemoryStore;

use crate::stage::{PATIENCE, Stage};

fn lacks_room(stage: &Stage) -> bool {
    let says = [
        "no space left on the disk of the engine's data folder",
        "make room there",
    ];
    matches!(stage.state(), State::Waiting { reason } if says.iter().all(|part| reason.contains(part)))
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_under_a_running_pipeline_is_told_and_it_goes_on_when_there_is_room() {
    let stage = Stage::set(1 << 20).await;
    let store = Arc::new(MemoryStore::default());
    stage.start_on(store.clone());
    stage.commit_each(2).await;
    assert!(!stage.overview().lacks_disk());
    store.fill(true);
    stage.broker.publish("IN", "in.k", "event");
    stage.until("it says why it waits", lacks_room).await;
    // The reason stays, however often it is tried.
    for _ in 0..600 {
        assert!(lacks_room(&stage), "{:?}", stage.state());
        assert!(stage.overview().lacks_disk());
        tokio::time::sleep(PATIENCE / 600).await;
    }
    store.fill(false);
    stage.broker.publish("IN", "in.k", "event");
    stage
        .until("it goes on", |stage| {
            stage.state() == State::Running && stage.outputs() == 4
        })
        .await;
    assert!(!stage.overview().lacks_disk());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_starts_on_a_full_disk_says_so() {
    let stage = Stage::set(1 << 20).await;
    let store = Arc::new(MemoryStore::default());
    store.fill(true);
    stage.start_on(store.clone());
    stage.until("it says why it waits", lacks_room).await;
    assert!(stage.overview().lacks_disk());
    store.fill(false);
    stage
        .until("it runs", |stage| stage.state() == State::Running)
        .await;
    assert!(!stage.overview().lacks_disk());
}
