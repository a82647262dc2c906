//! A partition at work, fed by the clock of its input. It can crash, and get another revision.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    dead_letter::{self, Reason},
    event::Event,
    identity::Digest,
    observe::{progress::Cursor, stats::Counts},
    ports::{
        broker::{Incoming, Output},
        store::{Applied, PartitionStore},
    },
    subject,
};
use tailrace_dataplane::{
    arrival::{Arrival, QueueItem, Source},
    intake::{self, clock::IntakeClock},
    plan::{Instances, Plan},
    process::TurnEnd,
    turn::{batch::Sealed, worker::Worker},
};

use super::partition;
use super::plugin::{COMPONENT, plugin};

/// When the broker receives the first event.
pub const BEGIN_MS: u64 = 1_795_825_800_000;
/// One step `a`.
pub const ONE: &str =
    "steps: [{name: a, plugin: waker@1.0.0, config: a, on-error: {retries: 2, backoff: 10ms}}]";
/// A step `a`, and a step `b` behind it.
pub const TWO: &str =
    "steps: [{name: a, plugin: waker@1.0.0, config: a}, {name: b, plugin: waker@1.0.0, config: b}]";
/// A slice that never ends: the clock stands still.
const SLICE: Duration = Duration::from_mins(1);

/// The plan of a revision with these steps and more, in YAML.
fn plan(rest: &str) -> Arc<Plan> {
    let text = format!(
        "name: p\ninput: {{subjects: [\"in.>\"], key: {{subject-token: 2}}, time: {{json: /ts}}, watermark: {{delay: 0s}}}}\n\
         output: {{subject: out}}\n{rest}\n"
    );
    partition::plan(1, &text, &|| (Digest::of(COMPONENT), plugin()))
}

/// A partition at work.
pub struct Stage {
    plan: Arc<Plan>,
    worker: Worker,
    store: Arc<dyn PartitionStore>,
    clock: IntakeClock,
    sequence: u64,
    redriven: u64,
    /// What the input gave and no commit covers yet; after a crash it is read again.
    unread: Vec<Incoming>,
    /// Of the last commit.
    cursor: Cursor,
    /// Of all that was committed.
    pub counts: Counts,
    pub outputs: Vec<Output>,
    /// Events and timers of each batch that was committed.
    pub batches: Vec<u64>,
}

impl Stage {
    /// With these steps and more, in YAML.
    pub fn set(rest: &str) -> Self {
        let plan = plan(rest);
        let store = partition::store(&plan);
        Self {
            worker: partition::worker(&store, &plan, Cursor::default()),
            plan,
            store,
            clock: IntakeClock::default(),
            sequence: 0,
            redriven: 0,
            unread: Vec::new(),
            cursor: Cursor::default(),
            counts: Counts::default(),
            outputs: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// An event of this key, so long after the first, with what it has to do.
    pub fn send(&mut self, key: &str, at: u64, script: &str) {
        self.sequence += 1;
        let message = Incoming {
            sequence: self.sequence,
            received_ms: BEGIN_MS + at,
            subject: format!("in.{key}"),
            headers: Vec::new(),
            payload: Bytes::from(format!("{{\"ts\":{},\"do\":\"{script}\"}}", BEGIN_MS + at)),
            unreadable: None,
        };
        self.unread.push(message.clone());
        self.arrive(message);
    }

    fn arrive(&mut self, message: Incoming) {
        let mut arrival = intake::arrive(&self.plan, message);
        self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    /// A tick of the clock: no event, and the watermark goes on to there.
    pub fn tick(&mut self, at: u64) {
        let mut clock = self.clock.now().clone();
        clock.watermark_ms = BEGIN_MS + at;
        let mark = QueueItem::Mark(self.worker.cursor().position, clock);
        self.worker.enqueue(vec![mark]);
    }

    /// A dead letter is sent again.
    pub fn redrive(&mut self, letter: &Output) {
        let Reason {
            step,
            key,
            time_ms,
            sequence,
            timer,
            ..
        } = dead_letter::reason(&letter.headers).unwrap();
        self.redriven += 1;
        let event = Event {
            sequence,
            time_ms,
            subject: String::new(),
            key,
            headers: Vec::new(),
            payload: letter.payload.clone(),
        };
        let arrival = Arrival {
            timer,
            from_step: Some(step),
            ..Arrival::of(Source::Redrive, self.redriven, event)
        };
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    /// One turn.
    pub fn turn(&mut self) -> TurnEnd {
        self.worker.turn(SLICE, usize::MAX)
    }

    /// Processes all that was sent, with all its tries, and commits it batch by batch.
    pub fn commit(&mut self) {
        loop {
            let end = self.turn();
            match end {
                TurnEnd::Drained | TurnEnd::Full => self.commit_batch(),
                TurnEnd::Retry(_) => continue,
                other => panic!("the turn ended with {other:?}"),
            }
            if matches!(end, TurnEnd::Drained) {
                return;
            }
        }
    }

    /// Commits what has been processed.
    pub fn commit_batch(&mut self) {
        let sealed = self.seal();
        self.apply(sealed);
    }

    pub fn seal(&mut self) -> Sealed {
        self.worker.seal().unwrap()
    }

    /// The commit of a batch has come to the store.
    pub fn apply(&mut self, mut sealed: Sealed) {
        let commit = sealed.cursor.commit;
        let stored = Applied {
            commit,
            sequence: commit,
        };
        self.store.apply(&sealed.delta, stored).unwrap();
        self.worker.applied(commit, 1);
        let counts = &sealed.stats.counts;
        self.batches.push(counts.timers + counts.outcomes.events);
        self.counts.add(counts);
        self.outputs.append(&mut sealed.outputs);
        let position = sealed.cursor.position;
        self.unread.retain(|message| message.sequence > position);
        self.cursor = sealed.cursor;
    }

    /// The engine dies: what is not committed is gone, and what is not committed of the input is read again.
    pub fn crash(&mut self) {
        self.worker = partition::worker(&self.store, &self.plan, self.cursor);
        for message in self.unread.clone() {
            self.arrive(message);
        }
    }

    /// Goes on with a revision of these steps.
    pub fn adopt(&mut self, rest: &str) {
        self.plan = plan(rest);
        let active = self.plan.steps.iter().map(|_| None).collect();
        let instances = Instances {
            active,
            candidate: Vec::new(),
        };
        self.worker.adopt(&self.plan, instances).unwrap();
    }

    /// What the plugin has said, oldest first: without dead letters, and without events that were handed on.
    pub fn said(&self) -> Vec<String> {
        let dead = subject::dead_subject(&partition::pipeline());
        let said = self.outputs.iter().filter(|output| output.subject != dead);
        said.map(|output| String::from_utf8_lossy(&output.payload).into_owned())
            .filter(|text| !text.starts_with('{'))
            .collect()
    }

    /// The dead letters.
    pub fn dead(&self) -> Vec<&Output> {
        let dead = subject::dead_subject(&partition::pipeline());
        self.outputs
            .iter()
            .filter(|output| output.subject == dead)
            .collect()
    }
}
