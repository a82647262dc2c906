//! Nothing remains of what is gone, nothing is made of what never was, and what is no database is left alone.

use std::fs;

use tailrace_core::{
    life::Life,
    ports::store::{LocalStore as _, ReclaimCounts},
};

use crate::scene::{Scene, all_steps, fill, name, names, partition};

const NONE: [&str; 0] = [];

#[test]
fn of_what_was_never_opened_nothing_is_made() {
    let scene = Scene::set();
    let (store, id, tenant) = (&scene.store, partition("t", 0), name("t"));
    store.remove(&id.pipeline, Life::UNNAMED).expect("nothing to do");
    store.remove_tenant(&tenant).expect("nothing to do");
    store.wipe(&id).expect("nothing to do");
    assert_eq!(store.lives(&tenant).expect("lives"), []);
    assert_eq!(store.size_bytes(&tenant).expect("a size"), 0);
    assert!(store.existing(&id).expect("an answer").is_none());
    store.reclaim(&all_steps);
    assert_eq!(store.tenants().expect("tenants"), []);
    assert_eq!(names(&scene.root), NONE);
}

#[test]
fn a_databases_last_pipeline_takes_it_along() {
    let scene = Scene::set();
    for number in 0..2 {
        fill(&*scene.open("t", number), 100, 10);
    }
    fill(&*scene.open("u", 0), 100, 10);
    let old = scene.open("t", 1);
    let remove = |number| {
        let pipeline = partition("t", number).pipeline;
        scene.store.remove(&pipeline, Life::UNNAMED).expect("a removal");
    };
    remove(0);
    assert_eq!(names(&scene.root), ["t", "u"]);
    remove(1);
    assert_eq!(names(&scene.root), ["u"]);
    assert!(old.get("s", "a").is_err(), "whoever still has it is told so");
    assert!(
        scene
            .store
            .existing(&partition("t", 1))
            .expect("an answer")
            .is_none()
    );
    assert_eq!(scene.store.tenants().expect("tenants"), [name("u")]);
    let anew = scene.open("t", 1);
    assert_eq!(anew.applied().expect("a number").commit, 0);
    fill(&*anew, 100, 10);
    assert_eq!(names(&scene.root), ["t", "u"]);
}

#[test]
fn a_database_without_a_pipeline_goes_with_the_next_pass() {
    let scene = Scene::set();
    fill(&*scene.open("t", 0), 100, 10);
    scene.store.wipe(&partition("t", 0)).expect("a wipe");
    scene.store.reclaim(&all_steps);
    assert_eq!(names(&scene.root), NONE);
}

#[test]
fn foreign_files_and_damaged_databases_are_no_tenants() {
    let scene = Scene::set();
    fill(&*scene.open("t", 0), 100, 10);
    for folder in [
        "t.damaged-1",
        "u.damaged-3",
        "Foreign",
        "t.1.bak",
        "t.01",
        "lost+found",
    ] {
        fs::create_dir_all(scene.root.join(folder)).expect("a folder");
    }
    for file in ["notes", ".lock", "t.7"] {
        fs::write(scene.root.join(file), "no database").expect("a file");
    }
    let scene = scene.again();
    assert_eq!(scene.store.tenants().expect("tenants"), [name("t")]);
    let life = (partition("t", 0).pipeline, Life::UNNAMED);
    assert_eq!(scene.store.lives(&name("t")).expect("lives"), [life]);
    scene.store.reclaim(&all_steps);
    let left = [
        ".lock",
        "Foreign",
        "lost+found",
        "notes",
        "t",
        "t.01",
        "t.1.bak",
        "t.damaged-1",
    ];
    assert_eq!(names(&scene.root), left, "only what was the store's own is gone");
    scene.store.remove_tenant(&name("t")).expect("a removal");
    let left = [".lock", "Foreign", "lost+found", "notes", "t.01", "t.1.bak"];
    assert_eq!(
        names(&scene.root),
        left,
        "a tenant takes its damaged databases along"
    );
    assert_eq!(scene.store.reclaim_counts(), ReclaimCounts::default());
}

#[test]
fn the_last_complete_copy_is_the_database() {
    let scene = Scene::set();
    fill(&*scene.open("t", 0), 100, 10);
    let scene = scene.again();
    // As they would be left: an old one, the newest complete one, and one that was being made.
    fs::rename(scene.root.join("t"), scene.root.join("t.7")).expect("a folder");
    fs::write(scene.root.join("t.7/complete"), "").expect("a file");
    fs::create_dir_all(scene.root.join("t")).expect("a folder");
    fs::create_dir_all(scene.root.join("t.6")).expect("a folder");
    fs::write(scene.root.join("t.6/complete"), "").expect("a file");
    fs::create_dir_all(scene.root.join("t.8/blobs")).expect("a folder");
    assert_eq!(scene.store.tenants().expect("tenants"), [name("t")]);
    assert_eq!(scene.open("t", 0).applied().expect("a number").commit, 1);
    assert_eq!(names(&scene.root), ["t.7"]);
}
