//! Real edits of Wikipedia through windows, sketches, state and timers, with limits that shed, calls that fail, quotas,
//! ticks and crashes: what was committed is the same to the byte when it is done again.
//!
//! The file is not a part of the project; without it the test counts as ignored.

#![allow(clippy::print_stdout, reason = "a test run tells its figures")]

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tailrace_core::{
    identity::{Digest, PartitionId},
    life::Life,
    observe::progress::Cursor,
    order_log::Fate,
    ports::{
        broker::Incoming,
        clock::Clock,
        plugins::Plugin,
        store::{Applied, Full, PartitionStore},
    },
    watermark::InputClock,
};
use tailrace_dataplane::{
    arrival::{QueueItem, TableRow},
    intake::{self, clock::IntakeClock},
    limits::{RateLimiters, Rates},
    partition::commit,
    plan::Plan,
    process::TurnEnd,
    replay::sources::Sources,
    turn::worker::Worker,
};
use tailrace_testing::faults::Faults;

use crate::{
    editors::Editors,
    partition,
    replaying::{Committed, Log, Seen, beginning, behind, published, written},
};

const FILE: &str = "../../../shared/data/wikiticker/wikiticker-2015-09-12-sampled.json.gz";
const EVENTS: usize = 39_244;
const PARTITIONS: u32 = 3;
/// Largest message of the broker.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// When the first edit is received: their times are of some days before.
const RECEIVED_MS: u64 = 1_442_016_000_000;

const MANIFEST: &str = "name: p
partitions: 3
input: {subjects: [edits], key: {json: /channel}, time: {json: /time}, watermark: {delay: 10s, late: dead-letter},
        dedup: {json: /page, window: 10m}}
rate: {events: {limit: 600, per: 1s}, over: drop}
steps:
  - {name: edits, plugin: edits@1.0.0, grants: [state, sketches, timers], on-error: {retries: 1, backoff: 10ms}}
sketches:
  users: {kind: distinct, value: {json: /user}}
  channels: {kind: top, value: {json: /channel}, size: 51, window: 1h, keep: 3h}
  added: {kind: quantiles, value: {json: /added}, window: 10m, keep: 30m, by: {json: /channel}, groups: 8}
  lengths: {kind: quantiles}
windows:
  busy: {over: {tumbling: 30m}, by: {channel: {json: /channel}}, aggregate: {n: count, added: {sum: {json: /added}}, users: {distinct: {json: /user}}}}
  visits: {over: {session: 20m}, by: {channel: {json: /channel}, user: {json: /user}}, aggregate: {n: count}}
output: {subject: 'out.{window}.{key}', events: true}
";

/// A clock that goes on when the test says so.
#[derive(Default)]
struct Steps(AtomicU64);

impl Clock for Steps {
    fn unix_ms(&self) -> u64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The edits, as lines.
fn edits() -> Vec<String> {
    let file = File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
    let lines: Vec<_> = BufReader::new(GzDecoder::new(file))
        .lines()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(lines.len(), EVENTS);
    lines
}

/// A partition at work on the edits.
struct Run<'a> {
    input: &'a [Incoming],
    partition: u32,
    plan: Arc<Plan>,
    store: Arc<dyn PartitionStore>,
    time: Arc<Steps>,
    limiters: RateLimiters,
    worker: Worker,
    clock: IntakeClock,
    given: usize,
    committed: (Cursor, InputClock),
    runs: u64,
    commits: Vec<Committed>,
}

impl<'a> Run<'a> {
    fn begin(input: &'a [Incoming], partition: u32, plan: Arc<Plan>) -> Self {
        let limiters = RateLimiters::default();
        limiters.pipeline.set(Rates::of_pipeline(&plan.manifest, 1));
        let store = partition::store(&plan);
        let time = Arc::new(Steps::default());
        let committed = (Cursor::default(), InputClock::default());
        Self {
            worker: worker(&store, &plan, &time, &limiters, &committed, partition),
            input,
            partition,
            plan,
            store,
            time,
            limiters,
            clock: IntakeClock::default(),
            given: 0,
            committed,
            runs: 1,
            commits: Vec::new(),
        }
    }

    /// So many edits are read.
    fn read(&mut self, count: usize) {
        let end = self.input.len().min(self.given + count);
        for message in &self.input[self.given..end] {
            let mut arrival = intake::arrive(&self.plan, message.clone());
            self.clock.stamp(&self.plan, &mut arrival, self.time.monotonic());
            let (subject, key) = (&arrival.event.subject, &arrival.event.key);
            if self.plan.manifest.partition_of(subject, key) == self.partition {
                self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
            }
        }
        self.given = end;
    }

    /// Nothing comes for so long.
    fn tick(&mut self, silence: Duration) {
        self.pass(silence);
        let rule = &self.plan.clock_rule;
        self.clock.tick(rule, None, self.time.monotonic());
        let sequence = self.clock.moved_to();
        let mark = QueueItem::Mark(sequence, self.clock.now().clone());
        self.worker.enqueue(vec![mark]);
    }

    fn pass(&self, time: Duration) {
        self.time.0.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// One turn; says whether nothing is left.
    fn turn(&mut self, most: usize) -> bool {
        match self.worker.turn(Duration::from_hours(1), most) {
            TurnEnd::Drained => self.worker.queued() == 0,
            TurnEnd::Full | TurnEnd::Retry(_) | TurnEnd::Backoff(_) => false,
            end => panic!("{end:?}"),
        }
    }

    fn commit(&mut self) {
        if self.worker.is_clean() {
            return;
        }
        let mut sealed = self.worker.seal().unwrap();
        let (cursor, clock) = (sealed.cursor, sealed.clock.clone());
        let stored = Applied {
            commit: cursor.commit,
            sequence: cursor.commit,
        };
        self.store.apply(&sealed.delta, stored).unwrap();
        self.worker.applied(cursor.commit, 1);
        let head = commit::head(&mut sealed, cursor, self.plan.revision, self.runs);
        self.commits.push(Committed {
            record: written(&head, &sealed.delta, &sealed.order),
            sequence: cursor.commit,
            outputs: sealed.outputs.iter().map(published).collect(),
        });
        self.committed = (self.worker.cursor(), clock);
    }

    /// What is not committed is lost.
    fn crash(&mut self) {
        self.worker = worker(
            &self.store,
            &self.plan,
            &self.time,
            &self.limiters,
            &self.committed,
            self.partition,
        );
        self.runs += 1;
        let (cursor, clock) = self.committed.clone();
        self.clock = IntakeClock::behind(cursor.position, clock, self.time.monotonic());
        self.given = cursor.position as usize;
    }

    /// Works through all of the input, as chance wants it.
    fn work(&mut self, random: &mut StdRng) {
        while self.given < self.input.len() || self.worker.queued() > 0 {
            match random.random_range(0..100) {
                0..3 => self.crash(),
                3..6 if self.worker.queued() == 0 && self.given > 0 => self.tick(Duration::from_mins(1)),
                6..12 => {
                    let (state, vectors) = (random.random_bool(0.3), false);
                    self.worker.has_too_much(Full { state, vectors });
                }
                12..40 => self.commit(),
                40..70 => self.read(random.random_range(1..400)),
                _ => {
                    self.pass(Duration::from_millis(random.random_range(0..800)));
                    let is_over = self.turn(random.random_range(1..300));
                    if !is_over && self.worker.is_full() {
                        self.commit();
                    }
                }
            }
        }
        self.commit();
    }
}

fn worker(
    store: &Arc<dyn PartitionStore>,
    plan: &Arc<Plan>,
    time: &Arc<Steps>,
    limiters: &RateLimiters,
    (cursor, clock): &(Cursor, InputClock),
    partition: u32,
) -> Worker {
    Worker::new(
        store.clone(),
        plan.clone(),
        *cursor,
        time.clone(),
        MAX_MESSAGE_BYTES,
    )
    .unwrap()
    .limited_by(limiters.clone())
    .watched_through(Arc::default(), partition)
    .on_the_clock(clock.clone())
}

/// Reads the edits again.
struct Again<'a>(&'a [Incoming], Arc<Plan>);

impl Sources for Again<'_> {
    fn plan(&mut self, _: u64, _: Option<u64>) -> Option<Arc<Plan>> {
        Some(self.1.clone())
    }
    fn input(&mut self, after: u64) -> Option<Incoming> {
        behind(self.0, after)
    }
    fn redriven(&mut self, _: u64) -> Option<Incoming> {
        None
    }
    fn row(&mut self, _: &str, _: u32, _: u64) -> Option<TableRow> {
        None
    }
}

/// The plan with plugins that fail as this chance wants it.
fn plan(chance: &Arc<Faults>) -> Arc<Plan> {
    let plugin =
        || -> (Digest, Arc<dyn Plugin>) { (Digest::of(b"edits"), Arc::new(Editors(chance.clone()))) };
    partition::plan(1, MANIFEST, &plugin)
}

/// Records that lack a fate are seen when they are done again; gives how many.
fn see_breaches(log: &Log, sources: &mut Again<'_>) -> usize {
    let mut seen = 0;
    for (index, commit) in log.commits.iter().enumerate() {
        let order = commit.record.order.as_ref().unwrap();
        let is_decisive = |(_, fate): &&(u64, Fate)| matches!(fate, Fate::Shed(..) | Fate::Call { .. });
        let Some(fate) = order.fates.iter().find(is_decisive) else {
            continue;
        };
        let mut wrong = order.clone();
        wrong.fates.retain(|other| other != fate);
        let done = log.replay_as(index, &wrong, sources);
        assert!(done.is_err(), "{fate:?} is missing, and nobody sees it");
        seen += 1;
    }
    seen
}

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_edits_of_wikipedia_are_done_again_to_the_byte() {
    let message = |(index, line): (usize, String)| Incoming {
        sequence: index as u64 + 1,
        received_ms: RECEIVED_MS + index as u64 * 2_200,
        subject: "edits".to_owned(),
        headers: Vec::new(),
        payload: Bytes::from(line),
        unreadable: None,
    };
    let input: Vec<_> = edits().into_iter().enumerate().map(message).collect();
    let calm = Arc::new(Faults::new(0));
    calm.calm_down();
    let (mut seen, mut bodies, mut wrong) = (Seen::default(), 0, 0);
    for partition in 0..PARTITIONS {
        let mut run = Run::begin(&input, partition, plan(&Arc::new(Faults::new(2))));
        run.work(&mut StdRng::seed_from_u64(u64::from(partition)));
        let sizes = run
            .commits
            .iter()
            .map(|commit| commit.record.delta.encode().len());
        bodies += sizes.sum::<usize>();
        let log = Log {
            partition: PartitionId {
                pipeline: partition::pipeline(),
                life: Life::UNNAMED,
                partition,
            },
            manifest: run.plan.manifest.clone(),
            before: beginning(),
            commits: run.commits,
        };
        log.replay_all(&mut Again(&input, plan(&calm)), &mut seen)
            .unwrap();
        wrong += see_breaches(&log, &mut Again(&input, plan(&calm)));
    }
    println!("{bodies} bytes of changes: {seen:?}; {wrong} wrong records were seen");
    assert!(wrong > 100, "{wrong}");
    seen.assert_all(&[
        "events",
        "wakes",
        "mark",
        "clock",
        "full",
        "shed",
        "tries",
        "transient",
        "trap",
        "fuel",
        "told",
    ]);
    assert!(
        seen.log_bytes * 20 < bodies as u64,
        "the order logs are large: {seen:?}"
    );
}
