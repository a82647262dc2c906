//! Orders to delete state, as a partition does them: some entries at a time, each once, whatever dies meanwhile.

#[path = "shared/partition.rs"]
mod partition;

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    delta::{Delta, StateValue},
    life::Life,
    observe::progress::Cursor,
    ports::store::{Applied, PartitionStore},
    state_deletion::{Deleted, KEPT, Keys, STEP, StateDeletion, key},
};
use tailrace_dataplane::{
    arrival::QueueItem,
    plan::Plan,
    process::TurnEnd,
    turn::{batch::Sealed, worker::Worker},
};

/// A slice that never ends: the clock stands still.
const SLICE: Duration = Duration::from_mins(1);
const STEPLESS: &str = "name: p\ninput: { subjects: [\"in.>\"] }\nsketches: { users: { kind: distinct, value: { json: /user } } }\n";

/// A partition whose step `a` holds entries.
struct Stage {
    plan: Arc<Plan>,
    store: Arc<dyn PartitionStore>,
    worker: Worker,
    cursor: Cursor,
}

impl Stage {
    /// Each of the step with its entries.
    fn with(steps: &[(&str, Vec<String>)]) -> Self {
        let plan = partition::plan(1, STEPLESS, &|| unreachable!("it has no step"));
        let store = partition::store(&plan);
        let mut stage = Self {
            worker: partition::worker(&store, &plan, Cursor::default()),
            plan,
            store,
            cursor: Cursor::default(),
        };
        for (step, keys) in steps {
            stage.write(step, keys.iter().map(String::as_str), Some(b"v"));
        }
        stage
    }

    /// Writes entries by a commit of its own, behind which the partition begins again.
    fn write<'a>(&mut self, step: &str, keys: impl IntoIterator<Item = &'a str>, value: Option<&[u8]>) {
        let mut delta = Delta::default();
        let value = value.map(|value| StateValue {
            value: value.to_vec(),
            expires_ms: None,
        });
        let writes = keys
            .into_iter()
            .map(|key| (key.to_owned(), value.clone()))
            .collect();
        delta.state.insert(step.to_owned(), writes);
        let commit = self.store.applied().unwrap().commit + 1;
        let sequence = commit;
        self.store.apply(&delta, Applied { commit, sequence }).unwrap();
        (self.cursor.commit, self.cursor.commit_sequence) = (commit, sequence);
        self.crash();
    }

    fn order(&mut self, sequence: u64, step: &str, keys: Keys) {
        let order = StateDeletion {
            step: step.to_owned(),
            keys,
            life: Life::UNNAMED,
        };
        self.worker
            .enqueue(vec![QueueItem::Delete(sequence, Arc::new(order))]);
    }

    /// Commits what one turn of so many items has done.
    fn commit(&mut self, items: usize) -> TurnEnd {
        let end = self.worker.turn(SLICE, items);
        assert!(!self.worker.is_clean(), "there is something to commit");
        let sealed = self.worker.seal().unwrap();
        self.apply(&sealed);
        end
    }

    fn apply(&mut self, sealed: &Sealed) {
        let commit = sealed.cursor.commit;
        let stored = Applied {
            commit,
            sequence: commit,
        };
        self.store.apply(&sealed.delta, stored).unwrap();
        self.worker.applied(commit, 1);
        self.cursor = sealed.cursor;
    }

    /// What is not committed is gone.
    fn crash(&mut self) {
        self.worker = partition::worker(&self.store, &self.plan, self.cursor);
    }

    fn held(&self, step: &str) -> Vec<String> {
        let entries = self.store.scan(step, "", None, 10_000).unwrap();
        entries.into_iter().map(|(key, _)| key).collect()
    }

    fn outcome(&self, sequence: u64) -> Option<Deleted> {
        let kept = self.store.get(STEP, &key(sequence)).unwrap()?;
        Some(serde_json::from_slice(&kept.value).unwrap())
    }
}

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number:04}")).collect()
}

fn prefix(text: &str) -> Keys {
    Keys::Prefix(text.to_owned())
}

#[test]
fn a_key_goes_and_the_count_says_whether_it_was_there() {
    let mut stage = Stage::with(&[("a", numbered("k", 3)), ("b", numbered("k", 3))]);
    stage.order(1, "a", Keys::Key("k0001".to_owned()));
    stage.order(2, "a", Keys::Key("nothing".to_owned()));
    stage.commit(usize::MAX);
    assert_eq!(stage.held("a"), ["k0000", "k0002"]);
    assert_eq!(stage.held("b").len(), 3, "another step keeps its own");
    assert_eq!(stage.outcome(1).map(|it| (it.entries, it.done)), Some((1, true)));
    assert_eq!(stage.outcome(2).map(|it| (it.entries, it.done)), Some((0, true)));
    assert_eq!(stage.cursor.redrive_position, 2);
}

#[test]
fn a_prefix_goes_in_parts_and_comes_to_an_exact_count() {
    let mut stage = Stage::with(&[("a", [numbered("x", 300), numbered("y", 5)].concat())]);
    stage.order(7, "a", prefix("x"));
    let mut parts = 0;
    while stage.cursor.redrive_position < 7 {
        stage.commit(1);
        parts += 1;
        assert!(parts < 20, "it comes to its end");
    }
    assert!(parts > 3, "no batch has all of it");
    assert_eq!(stage.held("a"), numbered("y", 5));
    assert_eq!(
        stage.outcome(7).map(|it| (it.entries, it.done)),
        Some((300, true))
    );
}

#[test]
fn after_a_crash_it_goes_on_behind_the_last_key_and_a_done_one_is_never_done_again() {
    let mut stage = Stage::with(&[("a", numbered("x", 100))]);
    stage.order(7, "a", prefix("x"));
    stage.commit(1);
    assert_eq!(stage.outcome(7).map(|it| it.done), Some(false));
    // A part that was never committed.
    stage.worker.turn(SLICE, 1);
    stage.crash();
    // Another event writes a key again that is gone, and one that is to come.
    stage.write("a", ["x0000", "x0099"], Some(b"new"));
    stage.order(7, "a", prefix("x"));
    stage.commit(usize::MAX);
    assert_eq!(stage.held("a"), ["x0000"]);
    assert_eq!(
        stage.outcome(7).map(|it| (it.entries, it.done)),
        Some((100, true))
    );
    stage.write("a", ["x0001"], Some(b"newer"));
    stage.crash();
    stage.order(7, "a", prefix("x"));
    let end = stage.worker.turn(SLICE, usize::MAX);
    assert!(
        matches!(end, TurnEnd::Drained) && stage.worker.is_clean(),
        "{end:?}"
    );
    assert_eq!(stage.held("a"), ["x0000", "x0001"]);
}

#[test]
fn what_the_batches_before_have_deleted_is_not_counted_again() {
    let mut stage = Stage::with(&[("a", numbered("x", 100))]);
    stage.order(3, "a", prefix("x"));
    stage.worker.turn(SLICE, 1);
    // The commit of the first part is under way while the others are done.
    let first = stage.worker.seal().unwrap();
    stage.worker.turn(SLICE, usize::MAX);
    stage.apply(&first);
    let last = stage.worker.seal().unwrap();
    stage.apply(&last);
    assert_eq!(stage.held("a"), Vec::<String>::new());
    assert_eq!(
        stage.outcome(3).map(|it| (it.entries, it.done)),
        Some((100, true))
    );
}

#[test]
fn with_at_most_once_an_order_is_claimed_when_it_is_done() {
    let mut stage = Stage::with(&[("a", numbered("x", 100))]);
    stage.order(3, "a", prefix("x"));
    stage.order(4, "a", Keys::Key("y".to_owned()));
    let (count, claim, _) = stage.worker.claim(usize::MAX);
    assert_eq!((count, claim.redrive_position), (1, 0));
    for _ in 0..2 {
        stage.worker.turn(SLICE, count);
    }
    let (count, claim, _) = stage.worker.claim(usize::MAX);
    assert_eq!((count, claim.redrive_position), (1, 3));
}

#[test]
fn the_outcomes_of_the_last_orders_are_kept() {
    let mut stage = Stage::with(&[]);
    for sequence in 1..=40 {
        stage.order(sequence, "a", prefix(""));
    }
    stage.commit(usize::MAX);
    let kept = stage.held(STEP);
    assert_eq!(kept.len(), KEPT);
    assert_eq!(kept.last(), Some(&key(40)));
}
