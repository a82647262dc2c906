//! The pipeline that reads: its feeds, and its partitions, which can lose what they have not committed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tailrace_core::{
    name::Name,
    observe::{progress::Cursor, status::PipelineStatus, tables::TableStatus},
    ports::store::{Applied, PartitionStore},
    table::{READINGS, Reading, decode_row, step},
    watermark::InputClock,
    world::World,
};
use tailrace_dataplane::{
    arrival::QueueItem,
    intake,
    plan::Plan,
    process::TurnEnd,
    tables::feed::{RunningFeeds, TableFeeds, TablePartition},
    turn::worker::Worker,
};
use tokio::{sync::mpsc, time::sleep};

use crate::partition;

pub const PARTITIONS: u32 = 2;

/// A partition of the reader.
struct Part {
    store: Arc<dyn PartitionStore>,
    worker: Worker,
    queue: mpsc::Receiver<Vec<QueueItem>>,
    committed: (Cursor, InputClock),
    waiting: VecDeque<QueueItem>,
}

pub struct Reader {
    world: World,
    plan: Arc<Plan>,
    parts: BTreeMap<u32, Part>,
    status: Arc<PipelineStatus>,
    feeds: Option<RunningFeeds>,
}

fn table() -> Name {
    Name::new("counts").unwrap()
}

impl Reader {
    /// With this table, which it has not read yet.
    pub fn set(world: &World, declared: &str) -> Self {
        let manifest = format!(
            "name: p\ninput: {{subjects: [orders], key: {{json: /k}}}}\npartitions: {PARTITIONS}\noutput: {{subject: out}}\n\
             tables: {{counts: {declared}}}\n"
        );
        let plan = partition::plan(1, &manifest, &|| panic!("it has no steps"));
        let parts = (0..PARTITIONS).map(|number| {
            let store = partition::store(&plan);
            let (_, queue) = mpsc::channel(1);
            let part = Part {
                worker: partition::worker(&store, &plan, Cursor::default()),
                store,
                queue,
                committed: (Cursor::default(), InputClock::default()),
                waiting: VecDeque::new(),
            };
            (number, part)
        });
        let mut reader = Self {
            world: world.clone(),
            parts: parts.collect(),
            plan,
            status: Arc::default(),
            feeds: None,
        };
        reader.start();
        reader
    }

    fn start(&mut self) {
        let mut partitions = BTreeMap::new();
        for (number, part) in &mut self.parts {
            let (sender, queue) = mpsc::channel(4);
            part.queue = queue;
            let readings = reading(&*part.store).map(|reading| (table(), reading));
            let readings = readings.into_iter().collect();
            partitions.insert(*number, TablePartition { sender, readings });
        }
        let begun = (table(), "TR_shop_learner".to_owned(), None);
        self.status.tables.begin([begun].into_iter());
        let feeds = TableFeeds {
            world: self.world.clone(),
            plan: self.plan.clone(),
            engine: Name::new("e-1").unwrap(),
            partitions,
            room: (intake::room(), intake::ROOM_KIB),
            status: self.status.clone(),
        };
        self.feeds = Some(feeds.start());
    }

    /// All that is not committed is lost; it begins again behind the last commit.
    pub fn crash(&mut self) {
        self.feeds = None;
        for (number, part) in &mut self.parts {
            let (cursor, clock) = part.committed.clone();
            part.worker = partition::worker(&part.store, &self.plan, cursor)
                .watched_through(Arc::default(), *number)
                .on_the_clock(clock);
            part.waiting.clear();
        }
        self.start();
    }

    /// Lets the feeds work for a while, and takes up to so many items of what has come into the batches. Gives how much
    /// has come.
    pub async fn work(&mut self, most: usize) -> usize {
        sleep(Duration::from_millis(200)).await;
        let mut come = 0;
        for part in self.parts.values_mut() {
            let items = std::iter::from_fn(|| part.queue.try_recv().ok()).flatten();
            let before = part.waiting.len();
            part.waiting.extend(items);
            come += part.waiting.len() - before;
            let count = most.min(part.waiting.len());
            part.worker.enqueue(part.waiting.drain(..count).collect());
            loop {
                let end = part.worker.turn(Duration::from_mins(1), usize::MAX);
                match end {
                    TurnEnd::Drained => break,
                    TurnEnd::Full => part.commit(),
                    other => panic!("{other:?}"),
                }
            }
        }
        come
    }

    /// Commits what was taken.
    pub fn commit(&mut self) {
        self.parts.values_mut().for_each(Part::commit);
    }

    /// Works until all of the table up to this sequence was read and committed, or it is not to be read at present.
    pub async fn catch_up(&mut self, sequence: u64) {
        for _ in 0..1_000 {
            let come = self.work(usize::MAX).await;
            self.commit();
            let shown = self.shown();
            let is_up = shown.is_loaded && shown.read_sequence >= sequence;
            if come == 0 && is_up && shown.trouble.is_none() {
                return;
            }
        }
        panic!("it does not catch up: {:?}", self.shown());
    }

    /// Works until this holds of the status.
    pub async fn until(&mut self, holds: impl Fn(&TableStatus) -> bool) {
        for _ in 0..1_000 {
            let _ = self.work(usize::MAX).await;
            self.commit();
            if holds(&self.shown()) {
                return;
            }
        }
        panic!("it does not come to that: {:?}", self.shown());
    }

    pub fn shown(&self) -> TableStatus {
        self.status.tables.report().remove(&table()).unwrap()
    }

    /// The rows that count in a partition, as committed.
    pub fn rows(&self, number: u32) -> BTreeMap<String, String> {
        let store = &self.parts[&number].store;
        let counts = reading(&**store).map_or(0, |reading| reading.tag);
        let rows = store.scan(&step(&table()), "", None, 10_000).unwrap().into_iter();
        let rows = rows.filter_map(|(key, stored)| {
            let (tag, payload) = decode_row(stored.value).unwrap();
            (tag == counts).then(|| (key, String::from_utf8(payload).unwrap()))
        });
        rows.collect()
    }

    /// How often its partitions have committed.
    pub fn commits(&self) -> u64 {
        self.parts.values().map(|part| part.committed.0.commit).sum()
    }

    /// The tag of the rows that count.
    pub fn tag(&self) -> u32 {
        reading(&*self.parts[&0].store).map_or(0, |reading| reading.tag)
    }
}

impl Part {
    fn commit(&mut self) {
        if self.worker.is_clean() {
            return;
        }
        let sealed = self.worker.seal().unwrap();
        let commit = sealed.cursor.commit;
        let applied = Applied {
            commit,
            sequence: commit,
        };
        self.store.apply(&sealed.delta, applied).unwrap();
        self.worker.applied(commit, 1);
        self.committed = (self.worker.cursor(), sealed.clock);
    }
}

fn reading(store: &dyn PartitionStore) -> Option<Reading> {
    let stored = store.get(READINGS, table().as_str()).unwrap()?;
    Some(Reading::decode(&stored.value).unwrap())
}
