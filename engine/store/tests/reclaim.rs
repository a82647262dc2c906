//! Disk that a tenant's database holds without need is given back: nothing is lost, whatever happens meanwhile,
//! and nobody waits.

#[path = "reclaim/cut_off.rs"]
mod cut_off;
#[path = "reclaim/failing.rs"]
mod failing;
#[path = "reclaim/meanwhile.rs"]
mod meanwhile;
#[path = "reclaim/nobody_waits.rs"]
mod nobody_waits;
#[path = "reclaim/remains.rs"]
mod remains;
#[path = "reclaim/scene.rs"]
mod scene;

use scene::{Scene, all_steps, names};
use tailrace_core::{
    life::Life,
    ports::store::{LocalStore as _, ReclaimCounts},
};

/// Keys of the row itself; the ratio is that of a million.
const KEYS: u64 = 100_000;
const MIB: u64 = 1 << 20;

#[test]
fn the_disk_of_deleted_keys_is_given_back() {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    scene::fill(&*partition, KEYS, 20);
    let most = scene.size("t");
    scene::delete(&*partition, KEYS, 100);
    let (hash, applied) = (partition.content_hash().unwrap(), partition.applied().unwrap());
    let before = scene.size("t");
    assert!(before > 10 * MIB, "{before} of {most}");
    scene.store.reclaim(&all_steps);
    let after = scene.size("t");
    assert!(after < 2 * MIB, "{after} of {before}");
    let counts = scene.store.reclaim_counts();
    let expected = ReclaimCounts {
        compactions: 1,
        failed: 0,
        bytes: counts.bytes,
    };
    assert_eq!(counts, expected);
    assert!(counts.bytes > 8 * MIB, "{counts:?}");
    assert_eq!(
        partition.content_hash().unwrap(),
        hash,
        "whoever has it open goes on with it"
    );
    assert_eq!(names(&scene.root), ["t.1"], "the old one is gone");
    scene
        .store
        .reclaim(&|_, step| panic!("{step:?}: it is as it should be"));
    drop(partition);
    let scene = scene.again();
    let partition = scene.open("t", 0);
    assert_eq!(
        (partition.content_hash().unwrap(), partition.applied().unwrap()),
        (hash, applied)
    );
}

#[test]
fn the_disk_of_a_dropped_partition_is_given_back() {
    let scene = Scene::set();
    scene::fill(&*scene.open("t", 0), 40_000, 20);
    let kept = scene.open("t", 1);
    scene::fill(&*kept, 100, 20);
    let hash = kept.content_hash().unwrap();
    scene.store.wipe(&scene::partition("t", 0)).unwrap();
    scene.store.reclaim(&all_steps);
    let after = scene.size("t");
    assert!(after < 2 * MIB, "{after}");
    assert_eq!(kept.content_hash().unwrap(), hash);
}

#[test]
fn the_files_that_great_values_left_behind_are_given_back() {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    scene::fill(&*partition, 40, 700_000);
    scene::delete(&*partition, 40, 8);
    let hash = partition.content_hash().unwrap();
    let before = scene.size("t");
    scene.store.reclaim(&all_steps);
    let after = scene.size("t");
    assert!(before > 25 * MIB && after < before / 10, "{after} of {before}");
    assert_eq!(partition.content_hash().unwrap(), hash);
}

#[test]
fn a_database_that_is_full_of_content_is_left_alone() {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    scene::fill(&*partition, 20_000, 20);
    scene::delete(&*partition, 20_000, 2);
    scene.store.reclaim(&all_steps);
    assert_eq!(scene.store.reclaim_counts(), ReclaimCounts::default());
    assert_eq!(names(&scene.root), ["t"]);
}

#[test]
fn a_smaller_database_than_is_worth_it_is_left_alone() {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    scene::fill(&*partition, 100, 20);
    scene::delete(&*partition, 100, 100);
    scene.store.reclaim(&|_, step| panic!("{step:?}"));
    scene
        .store
        .remove(&scene::partition("t", 0).pipeline, Life::UNNAMED)
        .unwrap();
    assert_eq!(names(&scene.root), [""; 0]);
}
