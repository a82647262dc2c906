//! The copy cannot be written: the disk is full, or its folder goes. The database stays as it is, and no commit
//! fails for it.

use std::{cell::Cell, fs, thread};

use tailrace_core::{
    delta::Delta,
    ports::store::{Applied, LocalStore as _, PartitionStore, ReclaimStep},
};

use crate::scene::{Scene, all_steps, commit, delete, fill, names, set};

/// Values that sled writes as files of their own, which a test can refuse it.
const GREAT: usize = 700_000;

fn great() -> Scene {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    fill(&*partition, 40, GREAT);
    delete(&*partition, 40, 8);
    drop(partition);
    scene.again()
}

fn commit_great(partition: &dyn PartitionStore) {
    let mut delta = Delta::default();
    set(&mut delta, 1, Some(vec![7; GREAT]));
    commit(partition, &delta);
}

#[test]
fn a_copy_that_cannot_be_written_leaves_the_database_as_it_is() {
    // Side by side, for sled keeps each waiting that lets go of such a copy.
    thread::scope(|scope| {
        for at in [
            ReclaimStep::Copy,
            ReclaimStep::Join,
            ReclaimStep::Sync,
            ReclaimStep::Switch,
        ] {
            scope.spawn(move || refused_at(at));
        }
    });
}

fn refused_at(at: ReclaimStep) {
    let scene = great();
    let live = scene.open("t", 0);
    let is_refused = Cell::new(false);
    scene.store.reclaim(&|_, step| {
        if step == at && !is_refused.replace(true) {
            fs::remove_dir_all(scene.root.join("t.1/blobs")).expect("sled's folder");
            commit_great(&*live);
        }
        true
    });
    assert!(is_refused.get(), "{at:?}");
    let counts = scene.store.reclaim_counts();
    assert_eq!((counts.compactions, counts.failed), (0, 1), "{at:?}");
    assert_eq!(names(&scene.root), ["t"], "{at:?}: nothing is left of the copy");
    commit_great(&*live);
    let hash = live.content_hash().expect("a hash");
    // It is not tried again at once.
    scene.store.reclaim(&|_, step| panic!("{step:?}"));
    scene.store.reclaim(&all_steps);
    assert_eq!(scene.store.reclaim_counts().compactions, 1, "{at:?}");
    assert_eq!(names(&scene.root), ["t.1"], "{at:?}");
    assert_eq!(live.content_hash().expect("a hash"), hash, "{at:?}");
    drop(live);
    let scene = scene.again();
    assert_eq!(scene.open("t", 0).content_hash().expect("a hash"), hash, "{at:?}");
}

/// The next commit of a partition, with a value that needs a file of its own.
fn next(partition: &dyn PartitionStore) -> (Delta, Applied) {
    let mut delta = Delta::default();
    set(&mut delta, 1, Some(vec![7; GREAT]));
    let applied = partition.applied().expect("a number");
    let next = Applied {
        commit: applied.commit + 1,
        sequence: applied.sequence + 10,
    };
    (delta, next)
}

/// A commit fails, for there is nowhere to write.
fn refuse(scene: &Scene, partition: &dyn PartitionStore) {
    fs::remove_dir_all(scene.root.join("t/blobs")).expect("sled's folder");
    let (delta, applied) = next(partition);
    assert!(partition.apply(&delta, applied).is_err());
}

#[test]
fn a_database_that_sled_cannot_close_is_made_anew() {
    let scene = great();
    let live = scene.open("t", 0);
    refuse(&scene, &*live);
    let anew = scene.open("t", 0);
    assert_eq!(
        anew.applied().expect("a number"),
        Applied::default(),
        "it is rebuilt"
    );
    fill(&*anew, 10, 10);
    assert!(
        live.get("s", "a").is_err(),
        "whoever still has the old one is told so"
    );
    assert_eq!(names(&scene.root), ["t"]);
    drop((live, anew));
    let scene = scene.again();
    assert_eq!(scene.open("t", 0).applied().expect("a number").commit, 1);
}

#[test]
fn a_database_that_fails_while_it_is_copied_is_sound_in_the_copy() {
    let scene = great();
    let live = scene.open("t", 0);
    let has_failed = Cell::new(false);
    scene.store.reclaim(&|_, step| {
        if step == ReclaimStep::Sync && !has_failed.replace(true) {
            refuse(&scene, &*live);
        }
        true
    });
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    assert_eq!(names(&scene.root), ["t.1"]);
    let anew = scene.open("t", 0);
    let (delta, applied) = next(&*anew);
    assert_eq!(anew.begun(), Some(applied), "the commit that failed was begun");
    anew.apply(&delta, applied).expect("a commit");
    let hash = anew.content_hash().expect("a hash");
    drop((live, anew));
    assert_eq!(scene.again().open("t", 0).content_hash().expect("a hash"), hash);
}
