//! What happens at the edges: vectors, records that are gone, a source that is deleted, and pipelines that read each other.

use std::{sync::Arc, time::Duration};

use tailrace_core::{delta::Delta, world::World};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

use super::{
    reader::Reader,
    source::{COLLECTION, STEP, Source},
};

const OWN: &str = "TR_shop_learner";

fn stage() -> (MemoryBroker, World) {
    let broker = MemoryBroker::new(Options::default());
    let registry = MemoryRegistry::new(Link::new(None));
    let store = Arc::new(MemoryStore::default());
    let world = world(&broker, &registry, store, Arc::new(NoPlugins));
    (broker, world)
}

fn of_state() -> String {
    format!("{{pipeline: learner, state: {STEP}, stream: {OWN}}}")
}

#[tokio::test(start_paused = true)]
async fn a_vector_is_a_row_of_json_from_the_snapshot_and_from_the_records() {
    let (broker, world) = stage();
    let mut source = Source::set(&world).await;
    let vectors = |writes: &[(&str, Option<[f32; 2]>)]| {
        let mut delta = Delta::default();
        let own = delta.vectors.entry(COLLECTION.to_owned()).or_default();
        for (id, vector) in writes {
            own.insert((*id).to_owned(), vector.map(|vector| vector.to_vec()));
        }
        delta
    };
    let first = vectors(&[("a", Some([0.5, -2.0])), ("b", Some([1.0, 0.1]))]);
    source.commit_delta(0, &first).await;
    source.commit_delta(0, &vectors(&[("b", None)])).await;
    source.snapshot(0).await;
    source.commit_delta(0, &vectors(&[("c", Some([3.0, 4.0]))])).await;
    let declared = format!("{{pipeline: learner, vectors: {COLLECTION}, stream: {OWN}}}");
    let mut reader = Reader::set(&world, &declared);
    reader.catch_up(broker.last_sequence(OWN)).await;
    let rows = reader.rows(1);
    let rows: Vec<_> = rows.iter().map(|(id, row)| (id.as_str(), row.as_str())).collect();
    assert_eq!(rows, [("a", "[0.5,-2.0]"), ("c", "[3.0,4.0]")]);
}

#[tokio::test(start_paused = true)]
async fn records_that_went_behind_a_snapshot_while_the_reader_was_away_are_loaded() {
    let (broker, world) = stage();
    let mut source = Source::set(&world).await;
    source
        .commit(0, STEP, &[("a", Some("1")), ("b", Some("1"))])
        .await;
    let mut reader = Reader::set(&world, &of_state());
    reader.catch_up(broker.last_sequence(OWN)).await;
    let before = reader.tag();
    // All of it is in the stream, so it goes on.
    source.commit(0, STEP, &[("c", Some("1"))]).await;
    reader.crash();
    reader.catch_up(broker.last_sequence(OWN)).await;
    assert_eq!(reader.tag(), before, "nothing is loaded without need");
    source.commit(0, STEP, &[("b", None)]).await;
    source.commit(0, STEP, &[("a", Some("2"))]).await;
    source.snapshot(0).await;
    reader.crash();
    reader.catch_up(broker.last_sequence(OWN)).await;
    assert_ne!(reader.tag(), before);
    let rows = reader.rows(0);
    let rows: Vec<_> = rows
        .iter()
        .map(|(key, row)| (key.as_str(), row.as_str()))
        .collect();
    assert_eq!(rows, [("a", "2"), ("c", "1")]);
}

#[tokio::test(start_paused = true)]
async fn records_that_nothing_holds_any_more_are_told() {
    let (_, world) = stage();
    let mut source = Source::set(&world).await;
    for value in ["1", "2", "3"] {
        source.commit(1, STEP, &[("a", Some(value))]).await;
    }
    source.lose_records(1).await;
    let mut reader = Reader::set(&world, &of_state());
    reader.until(|shown| shown.trouble.is_some()).await;
    let trouble = reader.shown().trouble.unwrap();
    for part in [
        "table counts",
        "partition 1 before commit 3",
        "no snapshot",
        "pipeline status learner",
    ] {
        assert!(trouble.contains(part), "{trouble}");
    }
    assert!(!reader.shown().is_loaded);
    // The engine of the source writes its state away, and the table goes on.
    source.snapshot(1).await;
    reader
        .until(|shown| shown.is_loaded && shown.trouble.is_none())
        .await;
    assert_eq!(reader.rows(0)["a"], "3");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_deleted_is_told_and_one_made_anew_takes_the_place_of_its_rows() {
    let (broker, world) = stage();
    let mut source = Source::set(&world).await;
    source.commit(0, STEP, &[("a", Some("1"))]).await;
    let mut reader = Reader::set(&world, &of_state());
    reader.catch_up(broker.last_sequence(OWN)).await;
    source.delete().await;
    reader.until(|shown| shown.trouble.is_some()).await;
    let trouble = reader.shown().trouble.unwrap();
    assert!(trouble.contains("pipeline learner is not there"), "{trouble}");
    assert!(trouble.contains("rows of before stay"), "{trouble}");
    assert_eq!(reader.rows(0).len(), 1);
    source.make_anew().await;
    source.commit(0, STEP, &[("b", Some("2"))]).await;
    reader.until(|shown| shown.trouble.is_none()).await;
    reader.catch_up(broker.last_sequence(OWN)).await;
    let rows = reader.rows(0);
    assert_eq!(
        rows.into_iter().collect::<Vec<_>>(),
        [("b".to_owned(), "2".to_owned())]
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_concern_the_table_is_not_written_down_each_time() {
    let (broker, world) = stage();
    let mut source = Source::set(&world).await;
    source.commit(0, STEP, &[("a", Some("1"))]).await;
    let mut reader = Reader::set(&world, &of_state());
    reader.catch_up(broker.last_sequence(OWN)).await;
    let before = reader.commits();
    // Two pipelines that read each other would commit for ever otherwise.
    for _ in 0..20 {
        source.commit(0, "other", &[("x", Some("1"))]).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        reader.catch_up(broker.last_sequence(OWN)).await;
    }
    assert_eq!(reader.commits(), before);
}
