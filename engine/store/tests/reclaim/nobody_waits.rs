//! While one tenant's database is copied, opened or waited for, all others go on, and its own queries do.

use std::{
    fs::File,
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use tailrace_core::ports::store::{LocalStore as _, ReclaimStep};

use crate::scene::{Scene, commit, fill, hollow, key, name, partition, set};

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// One says that it has come there and waits for leave to go on; the other waits for it, and gives leave.
fn meeting() -> (impl Fn(), (Receiver<()>, SyncSender<()>)) {
    let (here, is_here) = sync_channel(1);
    let (leave, has_leave) = sync_channel::<()>(1);
    let waits = Mutex::new(Some((here, has_leave)));
    let wait = move || {
        if let Some((here, has_leave)) = waits.lock().expect("no panic").take() {
            here.send(()).expect("somebody who waits");
            has_leave.recv_timeout(PATIENCE).expect("leave to go on");
        }
    };
    (wait, (is_here, leave))
}

#[test]
fn a_long_copy_holds_up_neither_other_tenants_nor_its_own() {
    for at in [ReclaimStep::Measure, ReclaimStep::Copy, ReclaimStep::Sync] {
        let scene = hollow("t");
        let live = scene.open("t", 0);
        let (wait, (is_here, leave)) = meeting();
        let events = Mutex::new(Vec::new());
        let happens = |what| events.lock().expect("no panic").push(what);
        thread::scope(|scope| {
            scope.spawn(|| {
                scene.store.reclaim(&|tenant, step| {
                    if *tenant == name("t") && step == at {
                        wait();
                    }
                    true
                });
                happens("reclaimed");
            });
            is_here.recv_timeout(PATIENCE).expect("the step");
            // Another tenant opens a database, works, and goes.
            let other = scene.open("u", 0);
            fill(&*other, 100, 10);
            let pipeline = partition("u", 0).pipeline;
            let life = tailrace_core::life::Life::UNNAMED;
            scene.store.remove(&pipeline, life).expect("a removal");
            happens("another tenant");
            // The tenant itself commits, queries, opens a partition, and is measured.
            let mut delta = tailrace_core::delta::Delta::default();
            set(&mut delta, 1, Some(b"now".to_vec()));
            commit(&*live, &delta);
            let known = scene.store.existing(&partition("t", 0)).expect("an answer");
            let found = known
                .expect("a state store")
                .get("s", &key(1))
                .expect("an answer");
            assert_eq!(found.expect("a value").value, b"now");
            fill(&*scene.open("t", 1), 100, 10);
            assert!(scene.size("t") > 0);
            happens("the tenant itself");
            // A second pass does not wait for the first.
            scene.store.reclaim(&|_, step| panic!("{step:?} is another's"));
            happens("another pass");
            leave.send(()).expect("somebody who waits");
        });
        let expected = ["another tenant", "the tenant itself", "another pass", "reclaimed"];
        assert_eq!(events.into_inner().expect("no panic"), expected, "{at:?}");
        assert_eq!(scene.store.reclaim_counts().compactions, 1);
    }
}

#[test]
fn a_tenant_whose_database_cannot_be_opened_yet_holds_up_nobody() {
    let scene = hollow("t");
    // As another process would, or one that has not let go yet.
    let lock = File::open(scene.root.join("t/db")).expect("sled's file");
    lock.lock().expect("a lock");
    let events = Mutex::new(Vec::new());
    let happens = |what| events.lock().expect("no panic").push(what);
    let (begins, has_begun) = sync_channel(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            begins.send(()).expect("somebody who waits");
            // It gives up after five seconds, and whoever wants it tries again.
            while !scene.may_open("t") {}
            happens("opened");
        });
        has_begun.recv_timeout(PATIENCE).expect("the beginning");
        for tenant in ["a", "b", "c", "d"] {
            fill(&*scene.open(tenant, 0), 10, 10);
            let query = scene
                .store
                .existing(&partition("t", 0))
                .expect("an answer at once");
            assert!(query.is_none(), "it is not open yet");
            assert!(scene.size("t") > 0, "an answer at once");
            scene.store.remove_tenant(&name(tenant)).expect("a removal");
        }
        happens("others");
        lock.unlock().expect("a lock");
    });
    assert_eq!(events.into_inner().expect("no panic"), ["others", "opened"]);
}

#[test]
fn many_tenants_are_opened_at_once_by_many_threads() {
    let scene = Scene::set();
    thread::scope(|scope| {
        for worker in 0..4 {
            let scene = &scene;
            scope.spawn(move || {
                for round in 0..5 {
                    let tenant = format!("t{}", (worker + round) % 3);
                    let partition = scene.open(&tenant, worker);
                    fill(&*partition, 20, 10);
                    assert!(scene.store.lives(&name(&tenant)).expect("lives").len() <= 4);
                }
            });
        }
    });
    for worker in 0..4_u32 {
        for tenant in 0..3_u32 {
            let rounds = (0..5).filter(|round| (worker + round) % 3 == tenant).count() as u64;
            let commits = scene.open(&format!("t{tenant}"), worker).applied();
            assert_eq!(commits.expect("a number").commit, rounds);
        }
    }
}
