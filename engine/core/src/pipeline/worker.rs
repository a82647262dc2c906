//! One turn of a partition: takes events off its queue and processes them into the current batch,
//! until the queue is empty, the batch is full or the slice of time is over. Runs on a guest thread
//! and does no IO but reads of the local image.
//!
//! Invariant: between two calls of [`Worker::turn`] the uncommitted effects are those of whole
//! events, in order, up to [`Cursor::position`].

mod arrival;
mod batch;
mod rest;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use self::rest::Rest;
pub use self::{
    arrival::{Arrival, Delivery, Source},
    batch::{Cursor, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BATCH_MESSAGES, Sealed},
};
use crate::{
    name::Name,
    pipeline::{
        accuracy::Accuracy,
        candidate::{Beside, Noted, board::Board},
        effects::Effects,
        gate::{By, Gates, Turned},
        plan::Plan,
        reconcile::PartitionCut,
        spans::EventSpans,
        stats::BatchStats,
        views::Views,
    },
    ports::{
        clock::Clock,
        plugins::{Instance, PluginError},
        store::{Full, Image, StoreError},
    },
};

/// Why a turn ended.
#[derive(Debug)]
pub enum TurnEnd {
    /// The queue is empty.
    Drained,
    /// The batch is full.
    Full,
    /// The slice is over; there is more to do.
    SliceOver,
    /// The first event of the queue is to be tried again after this pause.
    Retry(Duration),
    /// There is no room for the first event of the queue, under a limit, for so long.
    Limited(Duration),
    /// Call after call was stopped: the partition rests so long before the next event.
    Rest(Duration),
    /// A step's policy pauses the pipeline at the first event of the queue.
    Pause(String),
    /// The plugin cannot be instantiated any more.
    Plugin(PluginError),
    /// Ours: the partition starts again from what is committed.
    Failed(String),
}

/// Instances of a plan's steps, and of those of the candidate beside it. One that is not there is made at
/// its first event.
#[derive(Default)]
pub struct Instances {
    /// The plan's.
    pub active: Vec<Option<Box<dyn Instance>>>,
    /// The candidate's.
    pub candidate: Vec<Option<Box<dyn Instance>>>,
}

/// A partition's hands: everything that a turn needs.
pub struct Worker {
    pub(super) plan: Arc<Plan>,
    /// Moves into the sandbox for a call and comes back.
    pub(super) effects: Option<Box<Effects>>,
    pub(super) instances: Vec<Option<Box<dyn Instance>>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: BatchStats,
    pub(super) max_message_bytes: usize,
    /// Tries that the first event of the queue has had.
    pub(super) attempts: u32,
    /// What those who watch see.
    pub(super) views: Arc<Views>,
    pub(super) partition: u32,
    /// What its events pass before they are processed.
    pub(super) gates: Gates,
    /// Whether the first event of the queue has passed them.
    pub(super) passed: bool,
    /// The limit that held the last event back, or shed it.
    pub(super) limited: Option<By>,
    /// After calls that were stopped.
    pub(super) rest: Rest,
    image: Arc<dyn Image>,
    accuracy: Accuracy,
    queue: VecDeque<Delivery>,
    cursor: Cursor,
    batch_events: u64,
    /// What was finished, and skipped, since the start.
    finished: PartitionCut,
    /// A candidate at work.
    beside: Option<Beside>,
    /// What the event at hand comes to, where a candidate runs.
    pub(super) noted: Option<Noted>,
    /// Where candidates are judged.
    board: Arc<Board>,
    /// Whether it is a candidate's shadow, which shows nothing.
    pub(super) is_shadow: bool,
}

impl Worker {
    /// A worker that goes on behind `cursor`.
    pub fn new(
        image: Arc<dyn Image>,
        plan: Arc<Plan>,
        cursor: Cursor,
        clock: Arc<dyn Clock>,
        max_message_bytes: usize,
    ) -> Result<Self, StoreError> {
        let effects = Box::new(Effects::new(image.clone(), plan.clone())?);
        let instances = plan.steps.iter().map(|_| None).collect();
        Ok(Self::with(
            image,
            plan,
            instances,
            effects,
            cursor,
            clock,
            max_message_bytes,
        ))
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts that differ between a worker and a shadow"
    )]
    fn with(
        image: Arc<dyn Image>,
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
        effects: Box<Effects>,
        cursor: Cursor,
        clock: Arc<dyn Clock>,
        max_message_bytes: usize,
    ) -> Self {
        Self {
            plan,
            effects: Some(effects),
            instances,
            clock,
            stats: BatchStats::default(),
            max_message_bytes,
            attempts: 0,
            views: Arc::default(),
            partition: 0,
            gates: Gates::default(),
            passed: false,
            limited: None,
            rest: Rest::default(),
            image,
            accuracy: Accuracy::default(),
            queue: VecDeque::new(),
            cursor,
            batch_events: 0,
            finished: PartitionCut::default(),
            beside: None,
            noted: None,
            board: Arc::default(),
            is_shadow: false,
        }
    }

    /// A worker for a candidate that shadows this one.
    pub(super) fn shadow(
        &self,
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
    ) -> Result<Self, StoreError> {
        let effects = Box::new(Effects::of_shadow(self.image.clone(), plan.clone())?);
        let (image, clock) = (self.image.clone(), self.clock.clone());
        let limit = self.max_message_bytes;
        let made = Self::with(image, plan, instances, effects, self.cursor, clock, limit);
        Ok(Self {
            // It tries nothing again after a pause: as if it had.
            attempts: u32::MAX - 1,
            partition: self.partition,
            is_shadow: true,
            ..made
        })
    }

    /// Candidates are judged on this board.
    pub fn judged_on(&mut self, board: Arc<Board>) {
        self.board = board;
    }

    /// Adds to the queue.
    pub fn enqueue(&mut self, deliveries: Vec<Delivery>) {
        self.queue.extend(deliveries);
    }

    /// What the tenant has too much of, for the turns from now on.
    pub fn has_too_much(&mut self, full: Full) {
        self.effects_mut().full = full;
    }

    /// How much waits in the queue.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of linear memory that the instance of each step takes.
    pub fn memory_bytes(&self) -> Vec<(Name, u64)> {
        let instances = self.instances.iter().zip(&self.plan.steps);
        let taken = instances.map(|(instance, step)| {
            let bytes = instance.as_ref().map_or(0, |instance| instance.memory_bytes());
            (step.spec.name.clone(), bytes)
        });
        taken.collect()
    }

    /// Up to where it has come, committed or not.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Processes at most so many deliveries, for at most `slice`.
    pub fn turn(&mut self, slice: Duration, most: usize) -> TurnEnd {
        let end = self.work(slice, most);
        if let Some(beside) = &mut self.beside {
            beside.report();
        }
        end
    }

    fn work(&mut self, slice: Duration, most: usize) -> TurnEnd {
        let end = self.clock.monotonic() + slice;
        for _ in 0..most {
            let Some(delivery) = self.queue.pop_front() else {
                break;
            };
            let arrival = match delivery {
                Delivery::Mark(sequence) => {
                    self.cursor.position = self.cursor.position.max(sequence);
                    continue;
                }
                Delivery::Cut(number) => {
                    self.cut(number);
                    continue;
                }
                Delivery::Event(arrival) => arrival,
            };
            if self.is_done(&arrival) {
                self.finished.skipped += 1;
                continue;
            }
            let shed = match self.turn_at_gate(&arrival) {
                Turned::Through => None,
                Turned::Away(by) => Some(by),
                Turned::Back(wait) => {
                    self.queue.push_front(Delivery::Event(arrival));
                    return TurnEnd::Limited(wait);
                }
            };
            let stop = self.take(arrival, shed);
            if let Some(stop) = self.with_rest(stop) {
                return stop;
            }
            if self.is_full() {
                return TurnEnd::Full;
            }
            if self.clock.monotonic() >= end && !self.queue.is_empty() {
                return TurnEnd::SliceOver;
            }
        }
        TurnEnd::Drained
    }

    fn cut(&mut self, number: u64) {
        self.stats.cuts.push(PartitionCut {
            number,
            ..self.finished
        });
    }

    /// Spans of tries that were taken back since the last time.
    pub fn repeated(&mut self) -> Vec<EventSpans> {
        std::mem::take(&mut self.stats.repeated)
    }

    /// The cuts that wait for no commit.
    pub fn settled_cuts(&mut self) -> Vec<PartitionCut> {
        if self.is_clean() {
            std::mem::take(&mut self.stats.cuts)
        } else {
            Vec::new()
        }
    }

    /// Whether its effects are committed, or in this batch, already: a redelivery.
    fn is_done(&self, arrival: &Arrival) -> bool {
        match arrival.source {
            Source::Input => arrival.sequence <= self.cursor.position,
            Source::Redrive => arrival.sequence <= self.cursor.redrive_position,
        }
    }

    /// Processes an event into the batch, or sheds it.
    fn take(&mut self, arrival: Box<Arrival>, shed: Option<By>) -> Option<TurnEnd> {
        let crowded = self.batch_events > 0;
        let event_mark = self.effects().mark();
        let counts_before = self.stats.counts.clone();
        let traced_before = self.stats.traced.len();
        let events_before = self.cursor.ledger.events + counts_before.ledger.events;
        let time_ms = arrival.event.time_ms;
        let watermark_ms = super::watermark::advance(self.cursor.watermark_ms, time_ms, events_before);
        let mut beside = self.beside.take();
        let halt = match (shed, &mut beside) {
            (Some(by), _) => {
                self.shed(&arrival, by);
                None
            }
            (None, None) => self.process(&arrival, watermark_ms),
            (None, Some(beside)) => beside.process(self, &arrival, watermark_ms),
        };
        self.pay(&counts_before);
        let overfull = crowded && self.effects().output_count() > MAX_BATCH_MESSAGES;
        if halt.is_some() || overfull {
            // The event stays first in the queue; nothing of it is in the batch.
            self.effects_mut().roll_back(&event_mark);
            self.stats.counts = counts_before;
            let tries = self.stats.traced.drain(traced_before..);
            self.stats.repeated.extend(tries.filter(|_| halt.is_some()));
            if let Some(beside) = beside.as_mut().filter(|_| shed.is_none()) {
                beside.take_back();
            }
            self.beside = beside;
            self.queue.push_front(Delivery::Event(arrival));
            return Some(halt.unwrap_or(TurnEnd::Full));
        }
        self.beside = beside.and_then(|mut beside| {
            // A shed event is not the candidate's either.
            let goes_on = shed.is_some() || beside.settle(self, &arrival, &event_mark);
            goes_on.then_some(beside)
        });
        self.effects_mut().settle();
        let counts = &self.stats.counts;
        self.finished
            .ledger
            .add(&counts.ledger.since(&counts_before.ledger));
        self.finished.retried += counts.retried - counts_before.retried + u64::from(self.attempts);
        self.attempts = 0;
        self.passed = false;
        self.batch_events += 1;
        self.cursor.watermark_ms = watermark_ms;
        match arrival.source {
            Source::Input => self.cursor.position = arrival.sequence,
            Source::Redrive => self.cursor.redrive_position = arrival.sequence,
        }
        None
    }

    /// Goes on with another revision and these instances of its steps; only when clean, and with a commit
    /// under way only where the revision [follows at once](Plan::follows_at_once).
    pub fn adopt(&mut self, plan: Arc<Plan>, instances: Instances) -> Result<(), StoreError> {
        self.effects_mut().adopt(plan.clone())?;
        let beside = |worker: &Self, candidate| {
            Beside::new(candidate, instances.candidate, worker, worker.board.clone())
        };
        self.beside = match &plan.candidate {
            Some(candidate) => Some(beside(self, candidate)?),
            None => None,
        };
        self.instances = instances.active;
        self.attempts = 0;
        self.rest = Rest::default();
        self.plan = plan;
        Ok(())
    }

    pub(super) fn effects(&self) -> &Effects {
        self.effects
            .as_deref()
            .expect("the effects are away only during a call")
    }

    pub(super) fn effects_mut(&mut self) -> &mut Effects {
        self.effects
            .as_deref_mut()
            .expect("the effects are away only during a call")
    }
}
