//! The store against plain models, over reopens; damage; transfer.

#![allow(clippy::unnecessary_wraps, reason = "writes are optional values")]

use std::{collections::BTreeMap, path::Path, sync::Arc};

use proptest::prelude::*;
use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{PipelineManifest, parse::parse},
    name::Name,
    ports::store::{Applied, Exported, LocalStore, PartitionStore, StoreError, StoredSize},
    vectors::{Metric, Search},
};
use tailrace_sketch::{TenantSeed, Update};
use tailrace_store::{SledStore, StoreOptions};

fn manifest() -> PipelineManifest {
    let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
        "sketches":{"q":{"kind":"quantiles"},"d":{"kind":"distinct"},"t":{"kind":"top"}}}"#;
    parse(text.as_bytes()).unwrap()
}

fn partition(number: u32) -> PartitionId {
    let name = |text: &str| Name::new(text).unwrap();
    PartitionId {
        life: Life::UNNAMED,
        pipeline: PipelineId {
            tenant: name("t"),
            pipeline: name("p"),
        },
        partition: number,
    }
}

fn store(folder: &Path) -> SledStore {
    SledStore::open(folder.to_owned(), StoreOptions::default()).unwrap()
}

fn open(store: &SledStore, number: u32) -> Arc<dyn PartitionStore> {
    store
        .open(&partition(number), &manifest(), TenantSeed::new(1, 2))
        .unwrap()
}

fn applied(commit: u64) -> Applied {
    Applied {
        commit,
        sequence: commit * 10,
    }
}

fn state(value: &str, expires_ms: Option<u64>) -> Option<StateValue> {
    Some(StateValue {
        value: value.into(),
        expires_ms,
    })
}

fn delta(writes: &[(&str, &str, Option<StateValue>)]) -> Delta {
    let mut delta = Delta::default();
    for (step, key, value) in writes {
        delta
            .state
            .entry((*step).to_owned())
            .or_default()
            .insert((*key).to_owned(), value.clone());
    }
    delta
}

/// Writes of two steps with keys that try to cross from one into the other.
fn any_delta() -> impl Strategy<Value = Delta> {
    let key = prop_oneof![
        Just("a"),
        Just("ab"),
        Just("a\0"),
        Just("../x"),
        Just(""),
        Just("b/a"),
        Just("é")
    ];
    let write = (
        prop_oneof![Just("s"), Just("s\0"), Just("sa")],
        key,
        prop::option::of((0_u8..9, prop::option::of(1_u64..50))),
    );
    let vector = (
        prop_oneof![Just("u"), Just("u1")],
        0_u8..6,
        prop::option::of(0_i8..9),
    );
    let updates = prop::collection::vec(0_u32..40, 0..6);
    (
        prop::collection::vec(write, 0..8),
        prop::collection::vec(vector, 0..6),
        updates,
    )
        .prop_map(|(writes, vectors, updates)| {
            let mut delta = Delta::default();
            for (step, key, value) in writes {
                let value = value.map(|(value, expires_ms)| StateValue {
                    value: vec![value],
                    expires_ms,
                });
                delta
                    .state
                    .entry(step.to_owned())
                    .or_default()
                    .insert(key.to_owned(), value);
            }
            for (collection, id, vector) in vectors {
                let vector = vector.map(|number| vec![f32::from(number), 1.0]);
                delta
                    .vectors
                    .entry(collection.to_owned())
                    .or_default()
                    .insert(id.to_string(), vector);
            }
            for number in updates {
                delta
                    .sketches
                    .entry("q".to_owned())
                    .or_default()
                    .push(Update::Observe(f64::from(number)));
                delta
                    .sketches
                    .entry("d".to_owned())
                    .or_default()
                    .push(Update::Distinct(u64::from(number) << 40));
                let count = Update::Count {
                    item: number.to_string(),
                    times: 1,
                };
                delta.sketches.entry("t".to_owned()).or_default().push(count);
            }
            delta
        })
}

#[derive(Default)]
struct Model {
    state: BTreeMap<(String, String), StateValue>,
    vectors: BTreeMap<(String, String), Vec<f32>>,
    observed: u64,
}

impl Model {
    fn take(&mut self, delta: &Delta) {
        for (step, writes) in &delta.state {
            for (key, value) in writes {
                let place = (step.clone(), key.clone());
                match value {
                    Some(value) => drop(self.state.insert(place, value.clone())),
                    None => drop(self.state.remove(&place)),
                }
            }
        }
        for (collection, writes) in &delta.vectors {
            for (id, vector) in writes {
                let place = (collection.clone(), id.clone());
                match vector {
                    Some(vector) => drop(self.vectors.insert(place, vector.clone())),
                    None => drop(self.vectors.remove(&place)),
                }
            }
        }
        self.observed += delta.sketches.get("q").map_or(0, |updates| updates.len() as u64);
    }

    /// Keys with their name spaces, values with their checksums.
    fn weight(&self) -> StoredSize {
        let state = self.state.iter().map(|((step, key), value)| {
            3 + step.len() + key.len() + 4 + postcard::to_stdvec(value).unwrap().len()
        });
        let vectors = self.vectors.iter();
        let vectors = vectors.map(|((of, id), vector)| 3 + of.len() + id.len() + 4 + 4 * vector.len());
        StoredSize {
            state_bytes: state.sum::<usize>() as u64,
            vector_bytes: vectors.sum::<usize>() as u64,
        }
    }

    fn check(&self, image: &dyn PartitionStore) {
        assert_eq!(image.weight(), self.weight());
        for step in ["s", "s\0", "sa"] {
            let of_step = |prefix: &str, after: Option<&str>, limit: usize| -> Vec<(String, StateValue)> {
                let entries = self.state.iter().filter(|((of, key), _)| {
                    of == step && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
                });
                entries
                    .map(|((_, key), value)| (key.clone(), value.clone()))
                    .take(limit)
                    .collect()
            };
            for (prefix, after, limit) in [
                ("", None, 100),
                ("a", None, 100),
                ("a", Some("a"), 1),
                ("", Some("a\0"), 3),
                ("é", None, 9),
            ] {
                assert_eq!(
                    image.scan(step, prefix, after, limit).unwrap(),
                    of_step(prefix, after, limit)
                );
            }
        }
        for ((collection, id), vector) in &self.vectors {
            assert_eq!(image.vector(collection, id).unwrap().as_ref(), Some(vector));
        }
        let of_u = self
            .vectors
            .keys()
            .filter(|(collection, _)| collection == "u")
            .count();
        assert_eq!(
            image.collection("u", 2, Metric::Dot, Search::Auto).unwrap().len(),
            of_u
        );
        let mut due: Vec<_> = self
            .state
            .iter()
            .filter(|(_, value)| !value.is_live(25))
            .map(|(place, _)| place.clone())
            .collect();
        let mut found = image.expired(25, 1_000).unwrap();
        due.sort();
        found.sort();
        assert_eq!(found, due);
        assert_eq!(
            image.sketch("q").unwrap().map_or(0, |sketch| sketch.count()),
            self.observed
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_image_is_what_a_plain_map_would_be_also_after_reopening(deltas in prop::collection::vec(any_delta(), 1..40), reopen_every in 3_usize..20) {
        let folder = tempfile::tempdir().unwrap();
        let mut database = store(folder.path());
        let mut model = Model::default();
        let other = open(&database, 1);
        other.apply(&delta(&[("s", "a", state("other", None))]), applied(1)).unwrap();
        drop(other);
        for (index, change) in deltas.iter().enumerate() {
            open(&database, 0).apply(change, applied(index as u64 + 1)).unwrap();
            model.take(change);
            prop_assert_eq!(open(&database, 0).weight(), model.weight());
            if index % reopen_every == 0 {
                drop(database);
                database = store(folder.path());
                model.check(&*open(&database, 0));
            }
        }
        model.check(&*open(&database, 0));
        prop_assert_eq!(open(&database, 1).scan("s", "", None, 10).unwrap().len(), 1, "partitions are apart");
    }

    #[test]
    fn an_export_reads_back_to_the_same_content_while_commits_go_on(before in prop::collection::vec(any_delta(), 1..10), during in prop::collection::vec(any_delta(), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let database = store(folder.path());
        let image = open(&database, 0);
        for (index, change) in before.iter().enumerate() {
            image.apply(change, applied(index as u64 + 1)).unwrap();
        }
        let hash = image.content_hash().unwrap();
        let weight = image.weight();
        let mut chunks = Vec::new();
        let mut later = during.iter().zip(before.len() as u64 + 1..);
        let at = image.export(&mut |chunk| {
            chunks.push(chunk.to_vec());
            if let Some((change, commit)) = later.next() {
                image.apply(change, applied(commit)).unwrap();
            }
            Ok(())
        }).unwrap();
        prop_assert_eq!(at, applied(before.len() as u64));
        let mut told: Vec<(String, String, Option<StateValue>)> = Vec::new();
        let read = database.read_export(&mut chunks.clone().into_iter(), &mut |entry| match entry {
            Exported::State { step, key, value } => told.push((step.to_owned(), key.to_owned(), Some(value))),
            Exported::Vector { collection, id, vector } => {
                assert!(!vector.is_empty(), "{collection} {id}");
                told.push((collection.to_owned(), id.to_owned(), None));
            }
        });
        prop_assert_eq!(read.unwrap(), at);
        let cut = chunks.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default();
        prop_assert!(database.read_export(&mut cut.into_iter(), &mut |_| {}).is_err(), "it is cut");
        let copy = open(&database, 1);
        prop_assert_eq!(copy.import(&mut chunks.into_iter()).unwrap(), at);
        for (scope, key, value) in &told {
            match value {
                Some(_) => prop_assert_eq!(&copy.get(scope, key).unwrap(), value),
                None => prop_assert!(copy.vector(scope, key).unwrap().is_some()),
            }
        }
        let steps: std::collections::BTreeSet<_> = told.iter().filter(|(_, _, value)| value.is_some()).map(|(step, ..)| step.clone()).collect();
        for step in steps {
            let own = told.iter().filter(|(of, _, value)| *of == step && value.is_some()).count();
            prop_assert_eq!(copy.scan(&step, "", None, 10_000).unwrap().len(), own);
        }
        prop_assert_eq!(copy.content_hash().unwrap(), hash);
        prop_assert_eq!(copy.weight(), weight);
    }
}

#[test]
fn a_commit_is_applied_once_and_in_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let database = store(folder.path());
    let image = open(&database, 0);
    let change = delta(&[("s", "a", state("1", None))]);
    image.apply(&change, applied(1)).unwrap();
    image
        .apply(&delta(&[("s", "a", state("2", None))]), applied(1))
        .unwrap();
    assert_eq!(
        image.get("s", "a").unwrap(),
        state("1", None),
        "the same commit again changes nothing"
    );
    assert!(
        matches!(image.apply(&change, applied(3)), Err(StoreError::Damaged(_))),
        "a gap is refused"
    );
    assert_eq!(image.applied().unwrap(), applied(1));
}

#[test]
fn many_commits_of_sketches_fold_to_the_same_sketch() {
    let folder = tempfile::tempdir().unwrap();
    let mut change = Delta::default();
    change.sketches.insert(
        "d".to_owned(),
        (0..50).map(|n| Update::Distinct(n << 50)).collect(),
    );
    {
        let database = store(folder.path());
        let image = open(&database, 0);
        for commit in 1..=200 {
            image.apply(&change, applied(commit)).unwrap();
        }
        assert_eq!(image.sketch("d").unwrap().unwrap().count(), 200 * 50);
    }
    let database = store(folder.path());
    let image = open(&database, 0);
    assert_eq!(image.sketch("d").unwrap().unwrap().count(), 200 * 50);
}

#[test]
fn a_cut_snapshot_leaves_an_image_that_says_nothing_was_applied() {
    let folder = tempfile::tempdir().unwrap();
    let database = store(folder.path());
    let image = open(&database, 0);
    image
        .apply(&delta(&[("s", "a", state("1", None))]), applied(1))
        .unwrap();
    let mut chunks = Vec::new();
    image
        .export(&mut |chunk| {
            chunks.push(chunk.to_vec());
            Ok(())
        })
        .unwrap();
    chunks.pop();
    let copy = open(&database, 1);
    assert!(copy.import(&mut chunks.into_iter()).is_err());
    drop(copy);
    drop(image);
    drop(database);
    assert_eq!(
        open(&store(folder.path()), 1).applied().unwrap(),
        Applied::default()
    );
}

#[test]
fn a_damaged_database_is_moved_aside_and_an_empty_one_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        {
            let database = store(folder.path());
            let image = open(&database, 0);
            for commit in 1..=50 {
                let value = state(&"x".repeat(5_000), None);
                image
                    .apply(&delta(&[("s", &commit.to_string(), value)]), applied(commit))
                    .unwrap();
            }
        }
        for file in ["conf", "db"] {
            std::fs::write(folder.path().join("t").join(file), vec![0xa5; 40_000]).unwrap();
        }
        let database = store(folder.path());
        assert_eq!(open(&database, 0).applied().unwrap(), Applied::default());
        assert_eq!(database.moved_aside(), 1, "round {round}");
        database.remove(&partition(0).pipeline, Life::UNNAMED).unwrap();
    }
    let aside = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.file_name().to_string_lossy().contains("damaged"))
    });
    assert_eq!(aside.count(), 3, "only the newest are kept");
}

#[test]
fn removing_a_pipeline_leaves_its_namesakes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = store(folder.path());
    let longer = PartitionId {
        life: Life::UNNAMED,
        pipeline: PipelineId {
            pipeline: Name::new("p2").unwrap(),
            ..partition(0).pipeline
        },
        partition: 0,
    };
    let kept = database
        .open(&longer, &manifest(), TenantSeed::new(1, 2))
        .unwrap();
    kept.apply(&delta(&[("s", "a", state("1", None))]), applied(1))
        .unwrap();
    open(&database, 0)
        .apply(&delta(&[("s", "a", state("1", None))]), applied(1))
        .unwrap();
    database.remove(&partition(0).pipeline, Life::UNNAMED).unwrap();
    assert_eq!(open(&database, 0).applied().unwrap(), Applied::default());
    assert_eq!(kept.applied().unwrap(), applied(1));
}
