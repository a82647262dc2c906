//! A commit that is cut off behind each of its writes.

use std::sync::Arc;

use tailrace_core::{
    delta::{Delta, Measured, Placed, StateValue},
    manifest::{PipelineManifest, parse::parse},
    ports::store::PartitionStore as _,
    series::WindowRule,
};
use tailrace_sketch::{TenantSeed, Update};

use sled::Tree;

use super::*;
use crate::{partition::SledPartition, sketches::FOLD_EVERY, windowed::part_cache::PartCache};

/// The commit at which the bases of sketches are written anew; a window goes with it, too.
const LAST: u64 = FOLD_EVERY + 1;
const RULE: WindowRule = WindowRule {
    length_ms: 1_000,
    keep_ms: 3_000,
};

fn manifest() -> PipelineManifest {
    let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
        "sketches":{"q":{"kind":"quantiles"},"w":{"kind":"quantiles","window":"1s","keep":"3s"}}}"#;
    parse(text.as_bytes()).unwrap()
}

fn partition(tree: &Tree) -> SledPartition {
    let (manifest, seed, part_cache) = (manifest(), TenantSeed::new(1, 2), Arc::new(PartCache::default()));
    let partition = SledPartition::open(tree.clone().into(), &manifest, seed, part_cache).unwrap();
    partition.declare(&manifest, seed);
    partition
}

fn applied(commit: u64) -> Applied {
    Applied {
        commit,
        sequence: commit * 10,
    }
}

/// Entries that end and entries that do not, some of them the last commit's, some gone; vectors; sketches.
fn delta(commit: u64) -> Delta {
    let mut delta = Delta::default();
    let step = delta.state.entry("s".to_owned()).or_default();
    for key in 0..16 {
        let value = StateValue {
            value: format!("{commit} {key}").into(),
            expires_ms: (!(key + commit).is_multiple_of(3)).then_some(1_000 * commit + key),
        };
        let is_there = !(key * commit).is_multiple_of(5);
        step.insert(format!("{}", key + commit * 7), is_there.then_some(value));
    }
    let vectors = delta.vectors.entry("v".to_owned()).or_default();
    vectors.insert("x".to_owned(), (commit == 1).then(|| vec![1.0, 2.0]));
    vectors.insert(commit.to_string(), Some(vec![commit as f32]));
    let update = Update::Observe(commit as f64);
    let placed = Placed {
        window_start_ms: Some(commit * RULE.length_ms),
        is_late: false,
        group: None,
        update: update.clone(),
    };
    let measured = Measured {
        window: Some(RULE),
        most_groups: 1,
        clock_ms: commit * RULE.length_ms,
        updates: vec![placed],
    };
    delta.sketches.insert("q".to_owned(), vec![update]);
    delta.measured.insert("w".to_owned(), measured);
    delta
}

/// All but what depends on when the store was opened and says the same: the size, and which series of windowed
/// sketches are in their bases already.
fn content(tree: &Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = tree.iter().map(|entry| {
        let (key, value) = entry.unwrap();
        (key.to_vec(), value.to_vec())
    });
    let others = [
        keys::SIZE,
        &keys::ALL_SERIES,
        &keys::ALL_CLOCKS,
        &keys::ALL_MEASURED,
    ];
    let is_told = |key: &[u8]| !others.iter().any(|other| key.starts_with(other));
    entries.filter(|(key, _)| is_told(key)).collect()
}

fn apply(partition: &SledPartition, commits: std::ops::RangeInclusive<u64>) {
    for commit in commits {
        partition.apply(&delta(commit), applied(commit)).unwrap();
    }
}

/// A tree that holds all commits before the last, and so many writes of that; gives how many there are.
fn cut(tree: &Tree, writes: usize) -> usize {
    let partition = partition(tree);
    apply(&partition, 1..=LAST - 1);
    let (commit, _) = partition.writing().commit(tree, &delta(LAST), LAST).unwrap();
    assert!(!commit.together.is_empty(), "bases are written anew");
    let mut last = commit.writes(applied(LAST));
    let all = last.cut(writes);
    last.write(&tree.clone().into()).unwrap();
    all
}

#[test]
fn a_commit_that_was_cut_off_anywhere_goes_on_as_if_it_had_not_been() {
    let database = sled::Config::new().temporary(true).open().unwrap();
    let undisturbed = database.open_tree("undisturbed").unwrap();
    let whole = partition(&undisturbed);
    apply(&whole, 1..=LAST);
    let (mut finished_by_themselves, mut writes, mut all) = (0, 0, usize::MAX);
    while writes <= all {
        let tree = database.open_tree(format!("cut {writes}")).unwrap();
        all = cut(&tree, writes);
        let opened = partition(&tree);
        if opened.applied().unwrap() == applied(LAST) {
            finished_by_themselves += 1;
            assert_eq!(opened.begun(), None);
        } else {
            assert_eq!(opened.applied().unwrap(), applied(LAST - 1));
            assert_eq!(opened.begun(), (writes > 0).then_some(applied(LAST)));
        }
        apply(&opened, LAST..=LAST);
        assert_eq!((opened.begun(), opened.weight()), (None, whole.weight()));
        assert!(
            content(&tree) == content(&undisturbed),
            "cut behind {writes} writes"
        );
        let again = partition(&tree);
        assert_eq!(again.weight(), whole.weight());
        assert_eq!(again.content_hash().unwrap(), whole.content_hash().unwrap());
        writes += 1;
    }
    assert!(all > 40, "{all} writes");
    assert!(finished_by_themselves > 5, "{finished_by_themselves}");
}

#[test]
fn a_store_with_a_part_of_a_commit_takes_no_other_instead() {
    let database = sled::Config::new().temporary(true).open().unwrap();
    let tree = database.open_tree("cut").unwrap();
    cut(&tree, 5);
    let opened = partition(&tree);
    let other = Applied {
        sequence: applied(LAST).sequence + 1,
        ..applied(LAST)
    };
    let refused = opened.apply(&delta(LAST), other);
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    assert_eq!(opened.applied().unwrap(), applied(LAST - 1));
}
