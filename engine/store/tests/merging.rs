//! What a query of many windows costs, merged and from parts that were kept. It tells the figures and
//! holds the answers against each other; how fast a machine is, is no claim.

#![allow(clippy::print_stdout, reason = "a test run tells its figures")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tailrace_core::{
    delta::{Delta, Measured, Placed},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::parse::parse,
    name::Name,
    ports::store::{Applied, LocalStore as _, PartitionStore},
    series::{Group, Groups, RangeQuery, WindowRule, WindowSpan},
};
use tailrace_sketch::{TenantSeed, Update};
use tailrace_store::{SledStore, StoreOptions};

const MINUTE_MS: u64 = 60_000;
/// Values of a window and a group.
const VALUES: u64 = 20;
/// Commits after which bases are written.
const SETTLING: u64 = 130;

fn image(store: &SledStore) -> Arc<dyn PartitionStore> {
    let text = r#"{"name":"p","input":{"subjects":["a.>"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
        "sketches":{"q":{"kind":"quantiles"}}}"#;
    let partition = PartitionId {
        life: Life::UNNAMED,
        pipeline: PipelineId {
            tenant: Name::new("t").unwrap(),
            pipeline: Name::new("p").unwrap(),
        },
        partition: 0,
    };
    let manifest = parse(text.as_bytes()).unwrap();
    store.open(&partition, &manifest, TenantSeed::new(1, 2)).unwrap()
}

/// A commit of one window of every group.
fn minute(window: u64, groups: u64) -> Vec<Placed> {
    let placed = |number: u64| Placed {
        window_start_ms: Some(window * MINUTE_MS),
        is_late: false,
        group: Some(Group::Value((number / VALUES).to_string())),
        update: Update::Observe(((window * 7 + number * 13) % 1_000) as f64),
    };
    (0..groups * VALUES).map(placed).collect()
}

fn fill(image: &dyn PartitionStore, windows: u64, groups: u64) {
    let empty = (0..SETTLING).map(|_| Vec::new());
    let all = (0..windows).map(|window| minute(window, groups)).chain(empty);
    for (commit, updates) in (1..).zip(all) {
        let measured = Measured {
            window: Some(WindowRule {
                length_ms: MINUTE_MS,
                keep_ms: windows * MINUTE_MS,
            }),
            most_groups: 1_000,
            clock_ms: 0,
            updates,
        };
        let mut delta = Delta::default();
        delta.measured.insert("q".to_owned(), measured);
        let sequence = commit;
        image.apply(&delta, Applied { commit, sequence }).unwrap();
    }
}

/// The answer as bytes, and how long it took.
#[allow(clippy::disallowed_methods, reason = "it measures")]
fn ask(image: &dyn PartitionStore, windows: u64) -> (Vec<u8>, Duration) {
    let windows = Some(WindowSpan {
        length_ms: MINUTE_MS,
        from_ms: 0,
        to_ms: windows * MINUTE_MS,
    });
    let slice = RangeQuery {
        windows,
        groups: Groups::Together,
    };
    let began = Instant::now();
    let found = image.sketch_range("q", &slice).unwrap();
    let took = began.elapsed();
    (found[0].1.encode(), took)
}

#[test]
fn kept_parts_give_the_answer_that_was_merged() {
    for (windows, groups) in [(1_440, 1), (480, 100)] {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path().join("images"), StoreOptions::default()).unwrap();
        let image = image(&store);
        fill(&*image, windows, groups);
        let (merged, merging) = ask(&*image, windows);
        let (kept, keeping) = ask(&*image, windows);
        assert_eq!(kept, merged);
        let counts = store.part_counts();
        assert_eq!((counts.hits, counts.misses), (windows / 16, windows / 16));
        println!(
            "{windows} windows of {groups} groups: {merging:?} merged, {keeping:?} from parts of {} bytes",
            counts.bytes
        );
    }
}
