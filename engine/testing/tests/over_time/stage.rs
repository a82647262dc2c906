//! A partition at work with windows or joins, which can lose what it has not committed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tailrace_core::{
    event::Header,
    identity::{Digest, partition_of},
    name::Name,
    observe::{progress::Cursor, stats::Counts},
    ports::{
        broker::{Incoming, Output},
        plugins::Plugin,
        store::{Applied, PartitionStore},
    },
    registry::Begun,
    table,
    watermark::InputClock,
};
use tailrace_dataplane::{
    arrival::{QueueItem, TableRow},
    intake::{self, clock::IntakeClock},
    partition::commit,
    plan::Plan,
    process::TurnEnd,
    turn::worker::Worker,
};

use crate::{
    partition,
    replaying::{Committed, published, written},
};

/// When the broker receives the events: later than all their times.
const RECEIVED_MS: u64 = 2_000_000_000_000;

const OUTPUT: &str = "{subject: \"out.{window}.{key}\"}";

/// A message of a table.
struct SentRow {
    table: &'static str,
    tag: u32,
    message: Incoming,
    /// How many events were sent before it.
    behind: usize,
}

/// What runs in the steps of a manifest.
pub type Plugins = fn() -> (Digest, Arc<dyn Plugin>);

/// A partition at work.
pub struct Stage {
    plugins: Plugins,
    /// Its number, and how many there are.
    share: (u32, u32),
    plan: Arc<Plan>,
    worker: Worker,
    store: Arc<dyn PartitionStore>,
    clock: IntakeClock,
    /// What is sent, for those who begin again: subject, headers, payload.
    sent: Vec<(String, Vec<Header>, String)>,
    rows: Vec<SentRow>,
    /// The tag that rows bear.
    pub tag: u32,
    /// Dead letters that were sent again.
    redriven: Vec<Incoming>,
    /// All plans, by revision.
    pub(super) plans: BTreeMap<u64, Arc<Plan>>,
    /// Since when the present one declares what it does.
    begun: Begun,
    /// Runs of the partition.
    runs: u64,
    pub(super) recorded: Vec<Committed>,
    committed: (Cursor, InputClock),
    pub counts: Counts,
    pub outputs: VecDeque<Output>,
}

impl Stage {
    /// With these windows, and this beside them, in YAML.
    pub fn set(windows: &str, more: &str) -> Self {
        Self::set_with_output(OUTPUT, windows, more)
    }

    /// With this output as well.
    pub fn set_with_output(output: &str, windows: &str, more: &str) -> Self {
        Self::of(&text(output, windows, more))
    }

    /// With this manifest, which has no steps.
    pub fn of(manifest: &str) -> Self {
        Self::share_of(manifest, || panic!("it has no steps"), (0, 1))
    }

    /// One of several partitions. All events are sent to it, since all move its clock; it processes its own.
    pub fn share_of(manifest: &str, plugins: Plugins, share: (u32, u32)) -> Self {
        let plan = plan(1, manifest, plugins);
        let store = partition::store(&plan);
        let worker = partition::worker(&store, &plan, Cursor::default());
        Self {
            plugins,
            worker: worker.watched_through(Arc::default(), share.0),
            share,
            store,
            clock: IntakeClock::default(),
            sent: Vec::new(),
            rows: Vec::new(),
            tag: 1,
            redriven: Vec::new(),
            begun: Begun::default(),
            plans: BTreeMap::from([(plan.revision, plan.clone())]),
            runs: 1,
            recorded: Vec::new(),
            plan,
            committed: (Cursor::default(), InputClock::default()),
            counts: Counts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// An event of this key and time, with more members.
    pub fn send(&mut self, key: &str, ts: u64, more: &str) {
        self.send_payload(format!("{{\"key\":\"{key}\",\"ts\":{ts}{more}}}"));
    }

    /// An event with this payload.
    pub fn send_payload(&mut self, payload: String) {
        self.send_on("in", payload);
    }

    /// An event on this subject.
    pub fn send_on(&mut self, subject: &str, payload: String) {
        self.send_message(subject, Vec::new(), payload);
    }

    /// A message.
    pub fn send_message(&mut self, subject: &str, headers: Vec<Header>, payload: String) {
        self.sent.push((subject.to_owned(), headers, payload));
        self.hand_over(self.sent.len());
    }

    /// A message of a table, on this subject. Without a payload it deletes a row.
    pub fn send_row(&mut self, table: &'static str, subject: &str, payload: &str) {
        let sequence = self.rows.len() as u64 + 1;
        let message = Incoming {
            sequence,
            received_ms: RECEIVED_MS,
            subject: subject.to_owned(),
            headers: Vec::new(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            unreadable: None,
        };
        self.rows.push(SentRow {
            table,
            tag: self.tag,
            message,
            behind: self.sent.len(),
        });
        self.hand_over_row(self.rows.len() - 1);
    }

    fn hand_over_row(&mut self, index: usize) {
        let row = self.row(&self.rows[index]);
        self.worker.enqueue(vec![QueueItem::Row(Box::new(row))]);
    }

    fn row(&self, sent: &SentRow) -> TableRow {
        let SentRow {
            table, tag, message, ..
        } = sent;
        let change = self.plan.tables.named(table).unwrap().change(message);
        TableRow {
            table: Name::new(table).unwrap(),
            tag: *tag,
            load: None,
            sequence: message.sequence,
            change: change.unwrap(),
            room: None,
        }
    }

    /// The first row of a table from this sequence on.
    pub(super) fn row_from(&self, table: &str, tag: u32, from: u64) -> Option<TableRow> {
        let is_next = |row: &&SentRow| row.table == table && row.tag == tag && row.message.sequence >= from;
        self.rows.iter().find(is_next).map(|row| self.row(row))
    }

    /// Its number.
    pub(super) fn number(&self) -> u32 {
        self.share.0
    }

    pub(super) fn events(&self) -> usize {
        self.sent.len()
    }

    pub(super) fn letters(&self) -> &[Incoming] {
        &self.redriven
    }

    /// The rows that a table has, by key, as they are committed.
    pub fn rows_of(&self, table: &str) -> BTreeMap<String, String> {
        let step = table::step(&Name::new(table).unwrap());
        let rows = self.store.scan(&step, "", None, 1_000).unwrap().into_iter();
        let rows = rows.map(|(key, stored)| {
            let (_, payload) = table::decode_row(stored.value).unwrap();
            (key, String::from_utf8(payload).unwrap())
        });
        rows.collect()
    }

    /// A dead letter is sent again.
    pub fn redrive(&mut self, letter: Output) {
        let message = Incoming {
            sequence: self.redriven.len() as u64 + 1,
            received_ms: RECEIVED_MS,
            subject: letter.subject,
            headers: letter.headers,
            payload: letter.payload,
            unreadable: None,
        };
        self.redriven.push(message.clone());
        let arrival = intake::arrive_again(&self.plan, message).unwrap();
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    fn hand_over(&mut self, sequence: usize) {
        let mut arrival = intake::arrive(&self.plan, self.message(sequence));
        self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
        let (number, partitions) = self.share;
        if partition_of(&arrival.event.key, partitions) != number {
            return;
        }
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    pub(super) fn message(&self, sequence: usize) -> Incoming {
        let (subject, headers, payload) = self.sent[sequence - 1].clone();
        Incoming {
            sequence: sequence as u64,
            received_ms: RECEIVED_MS,
            subject,
            headers,
            payload: Bytes::from(payload),
            unreadable: None,
        }
    }

    /// The watermark with the last event that was sent.
    pub fn watermark_ms(&self) -> u64 {
        self.clock.now().watermark_ms
    }

    /// The watermark with the last commit.
    pub fn recorded_ms(&self) -> u64 {
        self.committed.0.watermark_ms
    }

    /// Nothing comes, and the watermark goes on to there.
    pub fn tick(&mut self, watermark_ms: u64) {
        let mut clock = self.clock.now().clone();
        clock.watermark_ms = watermark_ms;
        let mark = QueueItem::Mark(self.sent.len() as u64, clock);
        self.worker.enqueue(vec![mark]);
        // Events behind it do not go on from it.
        let (behind, clock) = (self.clock.moved_to(), self.clock.now().clone());
        self.clock = IntakeClock::behind(behind, clock, Duration::ZERO);
    }

    /// Processes all that was sent, in as many batches as it takes. Gives their number.
    pub fn commit(&mut self) -> usize {
        let mut batches = 0;
        loop {
            let end = self.worker.turn(Duration::from_mins(1), usize::MAX);
            assert!(matches!(end, TurnEnd::Drained | TurnEnd::Full), "{end:?}");
            if !self.worker.is_clean() {
                self.store_batch();
                batches += 1;
            }
            if matches!(end, TurnEnd::Drained) {
                return batches;
            }
        }
    }

    /// One turn, and what came of it is committed. Says whether something that is due at that moment is still to come.
    pub fn commit_once(&mut self) -> bool {
        let _ = self.worker.turn(Duration::from_mins(1), usize::MAX);
        self.store_batch();
        self.worker.is_waking()
    }

    fn store_batch(&mut self) {
        let mut sealed = self.worker.seal().unwrap();
        let commit = sealed.cursor.commit;
        let stored = Applied {
            commit,
            sequence: commit,
        };
        self.store.apply(&sealed.delta, stored).unwrap();
        self.worker.applied(commit, 1);
        self.committed = (self.worker.cursor(), sealed.clock.clone());
        let outputs = sealed.outputs.iter().map(published).collect();
        let (cursor, revision) = (sealed.cursor, self.plan.revision);
        let clock = sealed.clock.clone();
        let head = commit::head(&mut sealed, cursor, revision, self.runs);
        sealed.clock = clock;
        self.recorded.push(Committed {
            record: written(&head, &sealed.delta, &sealed.order),
            sequence: commit,
            outputs,
        });
        let counts = &sealed.stats.counts;
        self.counts.add(counts);
        self.outputs.extend(sealed.outputs.drain(..));
    }

    /// Works for a while, as far as one batch goes, and loses it; begins again behind the last commit.
    pub fn crash(&mut self) {
        let _ = self.worker.turn(Duration::from_mins(1), usize::MAX);
        let (cursor, clock) = self.committed.clone();
        self.worker = partition::worker(&self.store, &self.plan, cursor)
            .watched_through(Arc::default(), self.share.0)
            .on_the_clock(clock.clone());
        self.runs += 1;
        self.clock = IntakeClock::behind(cursor.position, clock, Duration::ZERO);
        // All rows come again: what is known of them lies with them.
        let mut rows = 0;
        for sequence in cursor.position as usize..=self.sent.len() {
            if sequence > cursor.position as usize {
                self.hand_over(sequence);
            }
            while self.rows.get(rows).is_some_and(|row| row.behind <= sequence) {
                self.hand_over_row(rows);
                rows += 1;
            }
        }
    }

    /// Goes on with other windows.
    pub fn change(&mut self, windows: &str, more: &str) {
        self.change_to(&text(OUTPUT, windows, more));
    }

    /// Goes on with another manifest.
    pub fn change_to(&mut self, manifest: &str) {
        let (before, number) = (self.plan.clone(), self.plan.revision + 1);
        let begun = |next: &_| self.begun.behind(&before.manifest, next, number);
        let plan = partition::plan_since(number, manifest, &self.plugins, &begun);
        self.begun = begun(&plan.manifest);
        self.worker.adopt(&plan, plan.no_instances()).unwrap();
        self.plans.insert(plan.revision, plan.clone());
        self.plan = plan;
    }

    /// The results so far, which are taken, as JSON.
    pub fn results(&mut self) -> Vec<serde_json::Value> {
        let results = self.outputs.drain(..);
        results
            .map(|output| serde_json::from_slice(&output.payload).unwrap())
            .collect()
    }

    /// Whether anything is left in the state of the partition.
    pub fn is_empty(&self, window: &str) -> bool {
        self.holds_nothing(&["~due", &format!("~window.{window}")])
    }

    /// Lets what has ended by now go, which is done in portions.
    pub fn expire(&mut self) {
        for _ in 0..10 {
            self.tick(self.recorded_ms() + 1);
            self.commit();
        }
    }

    /// Whether nothing is left under these steps.
    pub fn holds_nothing(&self, steps: &[&str]) -> bool {
        steps
            .iter()
            .all(|step| self.store.scan(step, "", None, 10).unwrap().is_empty())
    }
}

fn text(output: &str, windows: &str, more: &str) -> String {
    format!(
        "name: p\ninput: {{subjects: [in], key: {{json: /key}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s}}}}\n\
         output: {output}\n{more}\nwindows: {windows}\n"
    )
}

fn plan(number: u64, text: &str, plugins: Plugins) -> Arc<Plan> {
    partition::plan(number, text, &plugins)
}
