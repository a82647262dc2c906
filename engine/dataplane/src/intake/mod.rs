//! From the broker to the partitions: finds each event's key, time and measured values, and gives it
//! to the partition of its key. One task a pipeline.
//!
//! Everything up to the low-water position (the lowest of all partitions with work under way) is
//! acknowledged. A partition without events is told now and then how far the input was read. So its position,
//! and with it the point where a restart begins, does not stay behind.
//!
//! Why: docs/decisions/0010-every-engine-reads-the-input.md

pub mod arrive;
pub mod clock;
pub(crate) mod markers;
mod marks;
mod names;
pub(crate) mod redriven;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tailrace_core::{
    event::Event,
    identity::EngineId,
    manifest::{OnLoss, Start},
    observe::{
        barrier::Barrier,
        progress::Progress,
        reconcile::Reconciler,
        status::{InputStatus, PipelineStatus},
    },
    ports::broker::{Incoming, InputError, SubscribeRequest, Subscription},
    state_deletion::{self, StateDeletion},
    subject,
    watermark::{InputClock, Witness},
    world::World,
};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use crate::intake::arrive::{arrive, arrive_again};
use crate::{
    arrival::{Arrival, QueueItem, Source},
    intake::{
        clock::{IntakeClock, Look},
        redriven::{is_of_life, pass_over},
    },
    observe::spans,
    plan::Plan,
    tables::feed::RunningFeeds,
};

/// Messages taken from the subscription in one go.
const READ: usize = 512;
/// How often partitions without events learn how far the input was read.
const MARK_EVERY: Duration = Duration::from_secs(5);

/// Memory that a pipeline's events may take between the broker and their processing, in KiB.
pub const ROOM_KIB: usize = 64 * 1024;
/// What an event takes beside its payload, about.
const EVENT_OVERHEAD: usize = 512;

/// The room for a pipeline's events in flight.
pub fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ROOM_KIB))
}

/// Where a partition takes its queue items from.
pub struct PartitionQueue {
    /// Bounded: a slow partition holds the intake back, not memory.
    pub sender: mpsc::Sender<Vec<QueueItem>>,
    /// Its progress.
    pub progress: Arc<Progress>,
    /// The clock of the input that it has recorded, with its position.
    pub recorded: (u64, InputClock),
}

/// The intake of one pipeline.
pub struct Intake {
    /// The world.
    pub world: World,
    /// The revision that is running.
    pub plan: watch::Receiver<Arc<Plan>>,
    /// The input stream.
    pub stream: String,
    /// When that stream was made, if it is known.
    pub stream_created: Option<String>,
    /// Where to begin while nothing is committed.
    pub start: Start,
    /// Up to this sequence, the loss of events is accepted.
    pub accepted_loss: u64,
    /// This engine.
    pub engine: EngineId,
    /// Counts requests to send dead letters again; the redrive subject is read once it is not 0.
    pub redriven: watch::Receiver<u64>,
    /// The partitions of this engine, by number; events of others are passed over.
    pub partition_queues: BTreeMap<u32, PartitionQueue>,
    /// The feeds of the tables.
    pub tables: RunningFeeds,
    /// Signalled when a partition's position moves.
    pub moved: Arc<Notify>,
    /// See [`room`].
    pub room: Arc<Semaphore>,
    /// Ends the intake.
    pub stop: CancellationToken,
    /// Where to show how far it has come.
    pub status: Arc<PipelineStatus>,
    /// Where barriers are opened.
    pub reconciler: Arc<Reconciler>,
    /// How often a barrier is made.
    pub reconcile_every: Duration,
}

/// A subscription with what was read of it.
struct Feed {
    source: Source,
    subscription: Box<dyn Subscription>,
    /// Sequence of the last event given to a partition, by partition.
    given: BTreeMap<u32, u64>,
    /// Last mark given to a partition, and the watermark with it, by partition.
    marked: BTreeMap<u32, (u64, u64)>,
    /// Last sequence read.
    read: u64,
    /// Last low-water position acknowledged.
    acknowledged: u64,
    /// How often the subscription was made anew, as it was known last.
    rebuilds: u64,
}

/// What was read since the last barrier, and handed over since the start.
#[derive(Default)]
struct BrokerCounts {
    barriers: u64,
    first: Option<u64>,
    /// Last sequence read; one that comes again is not counted again.
    highest: u64,
    read: u64,
    handed: BTreeMap<u32, u64>,
}

impl Intake {
    /// Feeds the partitions until it is stopped, or until the input is beyond mending.
    pub async fn run(mut self) -> Result<(), InputError> {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            ended = self.feed() => ended,
        }
    }

    async fn feed(&mut self) -> Result<(), InputError> {
        // What events look up is there before the first of them.
        self.tables.loaded().await;
        let mut input = self.subscribe_input().await?;
        let mut clock = self.recorded_clock();
        self.show(&input, &clock);
        let mut redrive: Option<Feed> = None;
        let mut marks = tokio::time::interval(MARK_EVERY);
        marks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut barriers = tokio::time::interval(self.reconcile_every);
        barriers.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut books = BrokerCounts::default();
        let moved = self.moved.clone();
        loop {
            if redrive.is_none() && *self.redriven.borrow() > 0 {
                redrive = Some(self.subscribe_redrive().await?);
            }
            tokio::select! {
                biased;
                () = moved.notified() => {
                    input.acknowledge(&self.partition_queues).await;
                    if let Some(feed) = &mut redrive {
                        feed.acknowledge(&self.partition_queues).await;
                    }
                }
                Ok(()) = self.redriven.changed() => {}
                batch = next(redrive.as_mut()) => {
                    let feed = redrive.as_mut().expect("only a feed that is there gives a batch");
                    let batch = batch?;
                    self.give(feed, &mut clock, &mut books, batch).await;
                }
                batch = input.subscription.next(READ) => {
                    let batch = batch?;
                    self.give(&mut input, &mut clock, &mut books, batch).await;
                    self.show(&input, &clock);
                }
                _ = marks.tick() => {
                    match self.look(&mut input).await? {
                        // It may be read again from before, so nobody hears how far it was.
                        Look::Interrupted => clock.interrupt(self.world.clock.monotonic()),
                        Look::Behind => self.mark(&mut input, &clock).await,
                        Look::ReadUp => {
                            self.tick(&mut clock).await;
                            self.show(&input, &clock);
                            self.mark(&mut input, &clock).await;
                        }
                    }
                    if let Some(feed) = &mut redrive {
                        feed.look_after().await?;
                    }
                }
                _ = barriers.tick() => self.barrier(&mut books).await,
            }
        }
    }

    async fn subscribe_input(&self) -> Result<Feed, InputError> {
        let manifest = self.plan.borrow().manifest.clone();
        let positions = self
            .partition_queues
            .values()
            .map(|partition_queue| partition_queue.progress.position());
        let least = positions.min().unwrap_or(0);
        let begun = self
            .partition_queues
            .values()
            .any(|partition_queue| partition_queue.progress.commit() > 0);
        let request = SubscribeRequest {
            pipeline: self.plan.borrow().pipeline.clone(),
            role: "input".to_owned(),
            engine: self.engine.clone(),
            stream_created: self.stream_created.clone(),
            stream: self.stream.clone(),
            subjects: manifest.input.subjects_of(self.partition_queues.keys().copied()),
            from_sequence: begun.then_some(least + 1).filter(|_| least > 0),
            start: self.start.clone(),
            witness: self.witness(),
            on_loss: manifest.input.on_loss,
            accepted_loss: self.accepted_loss,
            keeps_newest: false,
            watch: self.status.input_watch.clone(),
        };
        self.subscribe(Source::Input, request).await
    }

    /// The last message that any partition here knows to have been read.
    fn witness(&self) -> Option<Witness> {
        let recorded = self.partition_queues.values().map(|queue| &queue.recorded.1);
        let read = recorded.filter_map(InputClock::witness);
        read.max_by_key(|witness| witness.sequence)
    }

    async fn subscribe_redrive(&self) -> Result<Feed, InputError> {
        let pipeline = self.plan.borrow().pipeline.clone();
        let least = self
            .partition_queues
            .values()
            .map(|partition_queue| partition_queue.progress.redrive_position())
            .min()
            .unwrap_or(0);
        let request = SubscribeRequest {
            role: "redrive".to_owned(),
            engine: self.engine.clone(),
            stream_created: None,
            stream: subject::stream_name(&pipeline),
            subjects: subject::redrive_patterns(&pipeline),
            from_sequence: None,
            start: if least == 0 {
                Start::All
            } else {
                Start::Sequence(least + 1)
            },
            witness: None,
            on_loss: OnLoss::Continue,
            accepted_loss: 0,
            keeps_newest: false,
            watch: Arc::default(),
            pipeline,
        };
        self.subscribe(Source::Redrive, request).await
    }

    async fn subscribe(&self, source: Source, request: SubscribeRequest) -> Result<Feed, InputError> {
        let subscription = self.world.input.subscribe(request).await?;
        Ok(Feed {
            source,
            subscription,
            given: BTreeMap::new(),
            marked: BTreeMap::new(),
            read: 0,
            acknowledged: 0,
            rebuilds: 0,
        })
    }

    /// Sorts messages by partition and hands them over, waiting where a partition is full.
    async fn give(
        &self,
        feed: &mut Feed,
        clock: &mut IntakeClock,
        books: &mut BrokerCounts,
        batch: Vec<Incoming>,
    ) {
        let plan = self.plan.borrow().clone();
        let mut sorted: BTreeMap<u32, Vec<Arrival>> = BTreeMap::new();
        let sampling = self.world.tracer.sampling();
        clock.pick(sampling);
        let now = self.world.clock.monotonic();
        for message in batch {
            feed.read = message.sequence;
            if feed.source == Source::Input && message.sequence > books.highest {
                books.first.get_or_insert(message.sequence);
                books.highest = message.sequence;
                books.read += 1;
            }
            if feed.source == Source::Redrive && state_deletion::is_order(&message.subject) {
                self.hand_out(&mut sorted).await;
                self.order(feed, &message).await;
                continue;
            }
            let mut arrival = match feed.source {
                Source::Input => arrive(&plan, message),
                Source::Redrive if !is_of_life(self.status.life, &message) => {
                    pass_over(&message);
                    continue;
                }
                Source::Redrive => match arrive_again(&plan, message) {
                    Some(arrival) => arrival,
                    None => continue,
                },
            };
            match feed.source {
                Source::Input => clock.stamp(&plan, &mut arrival, now),
                Source::Redrive => arrival.reading = Some(clock.reading(&plan)),
            }
            let Event { subject, key, .. } = &arrival.event;
            let partition = plan.manifest.partition_of(subject, key);
            if !self.partition_queues.contains_key(&partition) {
                continue;
            }
            if let Some(sampling) = sampling {
                let (tenant, clock) = (&plan.pipeline.tenant, &*self.world.clock);
                arrival.traced = spans::take_up(sampling, tenant, &arrival.event, clock);
            }
            feed.given.insert(partition, arrival.sequence);
            *books.handed.entry(partition).or_default() += 1;
            sorted.entry(partition).or_default().push(arrival);
        }
        self.hand_out(&mut sorted).await;
    }

    async fn hand_out(&self, sorted: &mut BTreeMap<u32, Vec<Arrival>>) {
        for (partition, arrivals) in std::mem::take(sorted) {
            self.hand_over(&self.partition_queues[&partition], arrivals).await;
        }
    }

    /// Hands an order to every partition: which of them hold what it names, nobody else knows.
    async fn order(&self, feed: &mut Feed, message: &Incoming) {
        let order = match serde_json::from_slice::<StateDeletion>(&message.payload) {
            Ok(order) if order.life != self.status.life => return pass_over(message),
            Ok(order) => Arc::new(order),
            Err(cause) => {
                let subject = &message.subject;
                tracing::error!(subject, %cause, "an order to the partitions cannot be read, and is passed over");
                return;
            }
        };
        for (partition, partition_queue) in &self.partition_queues {
            feed.given.insert(*partition, message.sequence);
            let order = QueueItem::Delete(message.sequence, order.clone());
            // A partition that is gone ends the whole pipeline; its supervisor sees to that.
            let _ = partition_queue.sender.send(vec![order]).await;
        }
    }

    /// Waits for room in memory, then for room in the partition queue.
    async fn hand_over(&self, partition_queue: &PartitionQueue, mut arrivals: Vec<Arrival>) {
        let bytes: usize = arrivals
            .iter()
            .map(|arrival| arrival.event.payload.len() + EVENT_OVERHEAD)
            .sum();
        let share = (bytes / 1024 + 1).min(ROOM_KIB) as u32;
        let room = self.room.clone().acquire_many_owned(share).await.ok();
        if let Some(last) = arrivals.last_mut() {
            last.room = room;
        }
        let deliveries = arrivals
            .into_iter()
            .map(|arrival| QueueItem::Event(Box::new(arrival)))
            .collect();
        // A partition that is gone ends the whole pipeline; its supervisor sees to that.
        let _ = partition_queue.sender.send(deliveries).await;
    }

    /// Makes a barrier, where anything was read since the last time.
    async fn barrier(&self, books: &mut BrokerCounts) {
        let Some(from) = books.first else { return };
        if !self.reconciler.has_room() {
            return;
        }
        books.barriers += 1;
        let handed = self
            .partition_queues
            .keys()
            .map(|partition| (*partition, books.handed.get(partition).copied().unwrap_or(0)));
        self.reconciler.open(Barrier {
            number: books.barriers,
            from,
            to: books.highest,
            read: std::mem::take(&mut books.read),
            handed: handed.collect(),
            finished: BTreeMap::new(),
        });
        books.first = None;
        for partition_queue in self.partition_queues.values() {
            let _ = partition_queue
                .sender
                .send(vec![QueueItem::Barrier(books.barriers)])
                .await;
        }
    }

    fn show(&self, input: &Feed, clock: &IntakeClock) {
        let rule = self.plan.borrow().clock_rule;
        self.status.input_watch.set_clock(clock.now().clone(), rule);
        self.status.set_input(InputStatus {
            stream: self.stream.clone(),
            read_sequence: input.read,
            rebuilds: input.subscription.rebuilds(),
            ..InputStatus::default()
        });
    }
}

/// The next messages of a feed that may not be there; then it waits for ever.
async fn next(feed: Option<&mut Feed>) -> Result<Vec<Incoming>, InputError> {
    match feed {
        Some(feed) => feed.subscription.next(READ).await,
        None => std::future::pending().await,
    }
}

impl Feed {
    async fn acknowledge(&mut self, partition_queues: &BTreeMap<u32, PartitionQueue>) {
        let positions = partition_queues.iter().map(|(partition, partition_queue)| {
            let given = self.given.get(partition).copied().unwrap_or(0);
            let position = match self.source {
                Source::Input => partition_queue.progress.position(),
                Source::Redrive => partition_queue.progress.redrive_position(),
            };
            if position >= given { self.read } else { position }
        });
        let watermark = positions.min().unwrap_or(0);
        if watermark > self.acknowledged {
            self.acknowledged = watermark;
            self.subscription.acknowledge(watermark).await;
        }
    }
}
