//! The engine ends at any step, by itself or as `kill -9` would end it.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::{Path, PathBuf},
};

use tailrace_core::{
    delta::Delta,
    ports::store::{Applied, LocalStore as _, PartitionStore, ReclaimStep},
};
use tempfile::TempDir;

use crate::scene::{Scene, all_steps, commit, files, hollow, names, open, partition, set, store};

const STEPS: [ReclaimStep; 7] = [
    ReclaimStep::Measure,
    ReclaimStep::Begin,
    ReclaimStep::Copy,
    ReclaimStep::Join,
    ReclaimStep::Sync,
    ReclaimStep::Switch,
    ReclaimStep::Remove,
];

/// The folder as it is at one moment: nothing was written between two looks.
fn moment(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut before = files(root);
    for _ in 0..1_000 {
        let now = files(root);
        if now == before {
            return now;
        }
        before = now;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the folder never rests");
}

fn put(root: &Path, files: Vec<(PathBuf, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let place = folder.path().join(path.strip_prefix(root).expect("a file below"));
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, bytes).expect("a file");
    }
    folder
}

/// Overwrites, deletes and makes keys.
fn change(number: u64) -> Delta {
    let mut delta = Delta::default();
    for key in 0..50 {
        let key = key * 400 + number;
        set(
            &mut delta,
            key,
            (!number.is_multiple_of(3)).then(|| number.to_le_bytes().to_vec()),
        );
    }
    delta
}

/// What recovery does: commits that the state store lacks are applied.
fn recover(partition: &dyn PartitionStore, commits: &[Delta], first: u64) {
    let applied = partition.applied().expect("a number");
    assert!(applied.commit + 1 >= first, "{applied:?}: older commits are lost");
    for (delta, commit) in commits.iter().zip(first..) {
        if commit > applied.commit {
            let applied = Applied {
                commit,
                sequence: commit * 10,
            };
            partition.apply(delta, applied).expect("a commit");
        }
    }
}

#[test]
fn whenever_it_is_killed_the_content_is_intact_and_there_is_one_database() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let first = live.applied().expect("a number").commit + 1;
    let (commits, killed) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    scene.store.reclaim(&|_, step| {
        // Every step, and copying in the midst of it.
        let times = killed.borrow().iter().filter(|(known, _)| *known == step).count();
        if times < if step == ReclaimStep::Copy { 2 } else { 1 } {
            killed
                .borrow_mut()
                .push((step, put(&scene.root, moment(&scene.root))));
        }
        let delta = change(commits.borrow().len() as u64);
        commit(&*live, &delta);
        commits.borrow_mut().push(delta);
        true
    });
    let (commits, killed) = (commits.into_inner(), killed.into_inner());
    let mut steps: Vec<_> = killed.iter().map(|(step, _)| *step).collect();
    steps.dedup();
    assert_eq!(steps, STEPS);
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    let hash = live.content_hash().expect("a hash");
    for (step, folder) in &killed {
        let again = store(folder.path());
        let image = open(&again, &partition("t", 0));
        recover(&*image, &commits, first);
        assert_eq!(
            image.content_hash().expect("a hash"),
            hash,
            "killed before {step:?}"
        );
        let left = names(folder.path());
        let expected = if *step == ReclaimStep::Remove { "t.1" } else { "t" };
        assert_eq!(left, [expected], "killed before {step:?}");
        // And what was cut off is done the next time.
        again.reclaim(&all_steps);
        assert_eq!(
            image.content_hash().expect("a hash"),
            hash,
            "killed before {step:?}"
        );
        assert_eq!(names(folder.path()).len(), 1);
        let size = again
            .size_bytes(&partition("t", 0).pipeline.tenant)
            .expect("a size");
        assert!(size < 2 << 20, "killed before {step:?}: {size}");
    }
}

#[test]
fn whenever_the_engine_stops_everything_is_as_it_was() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let hash = live.content_hash().expect("a hash");
    for last in STEPS.into_iter().filter(|step| *step != ReclaimStep::Remove) {
        let after = Cell::new(false);
        scene.store.reclaim(&|_, step| {
            assert!(
                !after.get(),
                "{step:?}: nothing is done after it was told to stop"
            );
            after.set(step == last);
            step != last
        });
        assert!(after.get(), "{last:?}");
        assert_eq!(names(&scene.root), ["t"], "stopped before {last:?}");
        assert_eq!(
            live.content_hash().expect("a hash"),
            hash,
            "stopped before {last:?}"
        );
    }
    let counts = scene.store.reclaim_counts();
    assert_eq!((counts.compactions, counts.failed), (0, 0));
    scene.store.reclaim(&all_steps);
    assert_eq!(names(&scene.root), ["t.1"]);
    commit(&*live, &change(1));
    let hash = live.content_hash().expect("a hash");
    drop(live);
    let scene = scene.again();
    assert_eq!(scene.open("t", 0).content_hash().expect("a hash"), hash);
}

#[test]
fn what_a_removal_left_half_done_is_removed_at_the_next_start() {
    let scene = Scene::set();
    for half in ["t.gone-0/blobs", "t.3.gone-7", "t.damaged-1.gone-2", "u.4"] {
        fs::create_dir_all(scene.root.join(half)).expect("a folder");
    }
    for foreign in ["notes.gone-", "Foreign.gone-1"] {
        fs::create_dir_all(scene.root.join(foreign)).expect("a folder");
    }
    let scene = scene.again();
    assert_eq!(names(&scene.root), ["Foreign.gone-1", "notes.gone-", "u.4"]);
    assert!(
        scene
            .store
            .lives(&crate::scene::name("u"))
            .expect("lives")
            .is_empty(),
        "a copy that was not completed is nothing"
    );
    assert_eq!(names(&scene.root), ["Foreign.gone-1", "notes.gone-"]);
}
