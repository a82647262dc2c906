//! A partition at work, fed by the clock of its input.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    delta::Placed,
    identity::Digest,
    observe::{progress::Cursor, stats::Counts},
    ports::{
        broker::{Incoming, Output},
        store::{Applied, PartitionStore},
    },
};
use tailrace_dataplane::{
    arrival::QueueItem,
    intake::{self, clock::IntakeClock},
    plan::Plan,
    process::TurnEnd,
    turn::{batch::Sealed, worker::Worker},
};

use super::partition;
use super::plugin::{COMPONENT, Keeper};

/// When the broker receives the first event.
pub const BEGIN_MS: u64 = 1_795_825_800_000;
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// A partition at work.
pub struct Stage {
    plan: Arc<Plan>,
    worker: Worker,
    store: Arc<dyn PartitionStore>,
    pub clock: IntakeClock,
    sequence: u64,
    /// Of all that was committed.
    pub counts: Counts,
    pub placed: Vec<Placed>,
    pub outputs: Vec<Output>,
}

impl Stage {
    /// With this under `input`, in YAML, beside subject, key and time.
    pub fn set(input: &str) -> Self {
        let text = format!(
            "name: p\ninput: {{subjects: [\"in.>\"], key: {{subject-token: 2}}, time: {{json: /ts}}, {input}}}\n\
             output: {{subject: out}}\n\
             steps: [{{name: s, plugin: keeper@1.0.0}}]\n\
             sketches: {{values: {{kind: quantiles, value: {{json: /v}}, window: 1m, keep: 1h}}}}\n"
        );
        let plan = partition::plan(1, &text, &|| (Digest::of(COMPONENT), Arc::new(Keeper)));
        let store = partition::store(&plan);
        let worker = partition::worker(&store, &plan, Cursor::default());
        Self {
            plan,
            worker,
            store,
            clock: IntakeClock::default(),
            sequence: 0,
            counts: Counts::default(),
            placed: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// An event of this source that the broker receives so long after the first, with this time and more members.
    pub fn send(&mut self, source: &str, received: u64, ts: u64, more: &str) {
        self.arrive(source, received, format!("{{\"ts\":{ts}{more}}}"));
    }

    /// An event that brings no time.
    pub fn send_timeless(&mut self, source: &str, received: u64) {
        self.arrive(source, received, "{}".to_owned());
    }

    fn arrive(&mut self, source: &str, received: u64, payload: String) {
        self.sequence += 1;
        let message = Incoming {
            sequence: self.sequence,
            received_ms: BEGIN_MS + received,
            subject: format!("in.{source}"),
            headers: Vec::new(),
            payload: Bytes::from(payload),
            unreadable: None,
        };
        let mut arrival = intake::arrive(&self.plan, message);
        self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    /// An honest event: its time is when it was sent, a moment before the broker received it.
    pub fn send_honest(&mut self, source: &str, at: u64, more: &str) {
        self.send(source, at + 20, BEGIN_MS + at, more);
    }

    /// Processes what was sent, and commits it.
    pub fn commit(&mut self) -> Sealed {
        assert!(matches!(
            self.worker.turn(Duration::from_mins(1), usize::MAX),
            TurnEnd::Drained
        ));
        let mut sealed = self.worker.seal().unwrap();
        let commit = sealed.cursor.commit;
        let stored = Applied {
            commit,
            sequence: commit,
        };
        self.store.apply(&sealed.delta, stored).unwrap();
        self.worker.applied(commit, 1);
        let counts = &sealed.stats.counts;
        self.counts.add(counts);
        let measured = sealed.delta.measured.get("values");
        let placed = measured.into_iter().flat_map(|measured| measured.updates.clone());
        self.placed.extend(placed);
        self.outputs.append(&mut sealed.outputs);
        sealed
    }

    /// The watermark, from the first event's receive time on.
    pub fn watermark(&self) -> u64 {
        self.clock.now().watermark_ms.saturating_sub(BEGIN_MS)
    }

    /// What the plugin has said, oldest first.
    pub fn said(&self) -> Vec<String> {
        let said = self.outputs.iter();
        said.map(|output| String::from_utf8_lossy(&output.payload).into_owned())
            .collect()
    }
}
