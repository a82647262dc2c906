//! Commits, queries and snapshots go on while a database is copied, and so do changes that end the copy.

use std::{
    cell::{Cell, RefCell},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tailrace_core::{
    delta::Delta,
    life::Life,
    ports::store::{Applied, LocalStore as _, PartitionStore, ReclaimStep},
};
use tailrace_sketch::Update;

use crate::scene::{Scene, all_steps, commit, delete, fill, hollow, key, name, names, partition, set};

/// Changes of keys all over the tree, vectors and sketches, the whole different with each number.
fn change(number: u64) -> Delta {
    let mut delta = Delta::default();
    for index in 0..100 {
        // Odd ones: the others stay as they are.
        let key = (index * 193 + number * 7) % 10_000 * 2 + 1;
        let value = (!(number + index).is_multiple_of(3)).then(|| vec![number as u8; 30]);
        set(&mut delta, key, value);
    }
    let vectors = delta.vectors.entry("v".to_owned()).or_default();
    vectors.insert((number % 5).to_string(), Some(vec![number as f32]));
    delta
        .sketches
        .insert("q".to_owned(), vec![Update::Observe(number as f64)]);
    delta
}

/// The same commits in a store that is never made smaller.
fn undisturbed(changes: u64) -> ([u8; 32], Applied) {
    let scene = Scene::set();
    let partition = scene.open("t", 0);
    fill(&*partition, 20_000, 20);
    delete(&*partition, 20_000, 40);
    (0..changes).for_each(|number| commit(&*partition, &change(number)));
    told(&*partition)
}

fn told(partition: &dyn PartitionStore) -> ([u8; 32], Applied) {
    let hash = partition.content_hash().expect("a hash");
    (hash, partition.applied().expect("a number"))
}

#[test]
fn commits_before_each_step_are_in_both_and_in_the_copy_alone_afterwards() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let number = Cell::new(0);
    let next = |live: &dyn PartitionStore| {
        commit(live, &change(number.get()));
        number.set(number.get() + 1);
    };
    let other = RefCell::new(None);
    scene.store.reclaim(&|_, step| {
        next(&*live);
        if step == ReclaimStep::Copy {
            // One that was not open, and is new.
            let opened = other.take().unwrap_or_else(|| scene.open("t", 9));
            fill(&*opened, 10, 10);
            *other.borrow_mut() = Some(opened);
        }
        true
    });
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    next(&*live);
    let expected = undisturbed(number.get());
    assert_eq!(told(&*live), expected, "in memory");
    let other = told(&*other.take().expect("a state store"));
    drop(live);
    let scene = scene.again();
    assert_eq!(names(&scene.root), ["t.1"]);
    assert_eq!(told(&*scene.open("t", 0)), expected, "on disk");
    assert_eq!(told(&*scene.open("t", 9)), other);
}

#[test]
fn commits_and_queries_of_other_threads_go_on_all_the_time() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let is_over = AtomicBool::new(false);
    let changes = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                commit(&*live, &change(number));
                number += 1;
            }
            number
        });
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !is_over.load(Ordering::SeqCst) {
                // One that no commit changes.
                let found = live.get("s", &key(40)).expect("no error, ever");
                assert_eq!(found.expect("a value").value, [40; 20]);
                live.scan("s", "", None, 20).expect("no error, ever");
                reads += 1;
            }
            reads
        });
        scene.store.reclaim(&all_steps);
        is_over.store(true, Ordering::SeqCst);
        assert!(reader.join().expect("a reader") > 0);
        writer.join().expect("a writer")
    });
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    let expected = undisturbed(changes);
    assert_eq!(told(&*live), expected, "in memory");
    drop(live);
    assert_eq!(told(&*scene.again().open("t", 0)), expected, "on disk");
}

#[test]
fn a_snapshot_that_was_begun_before_is_whole() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let (hash, applied) = told(&*live);
    let mut chunks = Vec::new();
    let is_done = Cell::new(false);
    let at = live.export(&mut |chunk| {
        if !is_done.replace(true) {
            scene.store.reclaim(&all_steps);
        }
        commit(&*live, &change(chunks.len() as u64));
        chunks.push(chunk.to_vec());
        Ok(())
    });
    assert_eq!(at.expect("a snapshot"), applied);
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    let copy = scene.open("u", 0);
    copy.import(&mut chunks.into_iter()).expect("a snapshot");
    assert_eq!(told(&*copy), (hash, applied));
}

#[test]
fn a_snapshot_may_be_restored_meanwhile() {
    let scene = hollow("t");
    let live = scene.open("t", 0);
    let source = scene.open("u", 0);
    fill(&*source, 6_000, 5);
    let mut chunks = Vec::new();
    source
        .export(&mut |chunk| {
            chunks.push(chunk.to_vec());
            Ok(())
        })
        .expect("a snapshot");
    let chunks = RefCell::new(Some(chunks));
    scene.store.reclaim(&|tenant, step| {
        if *tenant == name("t") && step == ReclaimStep::Join {
            let chunks = chunks.take().expect("once");
            live.import(&mut chunks.into_iter()).expect("a snapshot");
        }
        true
    });
    assert_eq!(scene.store.reclaim_counts().compactions, 1);
    assert_eq!(told(&*live), told(&*source));
    let expected = told(&*source);
    drop((live, source));
    assert_eq!(told(&*scene.again().open("t", 0)), expected);
}

/// Does something at each step in turn, each time in a scene of its own.
fn at_each_step(act: impl Fn(&Scene), check: impl Fn(Scene, ReclaimStep)) {
    let until_switched = [
        ReclaimStep::Measure,
        ReclaimStep::Begin,
        ReclaimStep::Copy,
        ReclaimStep::Join,
        ReclaimStep::Sync,
        ReclaimStep::Switch,
        ReclaimStep::Remove,
    ];
    for at in until_switched {
        let scene = hollow("t");
        drop(scene.open("t", 0));
        drop(scene.open("t", 1));
        let is_done = Cell::new(false);
        scene.store.reclaim(&|_, step| {
            if step == at && !is_done.replace(true) {
                act(&scene);
            }
            true
        });
        assert!(is_done.get(), "{at:?}");
        assert_eq!(scene.store.reclaim_counts().failed, 0, "{at:?} is no failure");
        check(scene, at);
    }
}

#[test]
fn a_tenant_that_is_removed_meanwhile_leaves_nothing() {
    let remove = |scene: &Scene| scene.store.remove_tenant(&name("t")).expect("a removal");
    at_each_step(remove, |scene, step| {
        assert_eq!(names(&scene.root), [""; 0], "{step:?}");
        let anew = scene.open("t", 0);
        assert_eq!(anew.applied().expect("a number"), Applied::default());
        assert_eq!(names(&scene.root), ["t"], "{step:?}");
    });
}

#[test]
fn a_tenant_that_is_made_anew_meanwhile_keeps_what_it_has() {
    let make_anew = |scene: &Scene| {
        scene.store.remove_tenant(&name("t")).expect("a removal");
        fill(&*scene.open("t", 0), 10, 10);
    };
    at_each_step(make_anew, |scene, step| {
        assert_eq!(names(&scene.root), ["t"], "{step:?}");
        let commits = scene.open("t", 0).applied().expect("a number").commit;
        assert_eq!(commits, 1, "{step:?}");
        let scene = scene.again();
        let commits = scene.open("t", 0).applied().expect("a number").commit;
        assert_eq!(commits, 1, "{step:?}");
    });
}

#[test]
fn a_partition_that_is_wiped_meanwhile_is_empty_and_the_others_are_not() {
    let wipe = |scene: &Scene| {
        fill(&*scene.open("t", 1), 10, 10);
        scene.store.wipe(&partition("t", 0)).expect("a wipe");
    };
    at_each_step(wipe, |scene, step| {
        let scene = scene.again();
        let wiped = scene.open("t", 0).applied().expect("a number");
        assert_eq!(wiped, Applied::default(), "{step:?}");
        let other = scene.open("t", 1).applied().expect("a number").commit;
        assert_eq!(other, 1, "{step:?}");
    });
}

#[test]
fn a_pipeline_that_is_removed_meanwhile_stays_removed() {
    let remove = |scene: &Scene| {
        let pipeline = partition("t", 0).pipeline;
        scene.store.remove(&pipeline, Life::UNNAMED).expect("a removal");
    };
    at_each_step(remove, |scene, step| {
        let scene = scene.again();
        let lives = scene.store.lives(&name("t")).expect("lives");
        let kept = (partition("t", 1).pipeline, Life::UNNAMED);
        assert_eq!(lives, [kept], "{step:?}");
    });
}
