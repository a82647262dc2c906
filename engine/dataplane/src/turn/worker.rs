//! One turn of a partition: takes events off its queue and processes them into the current batch. It ends
//! when the queue is empty, the batch is full or the time slice is over. It runs on a guest thread and does
//! no IO but reads of the local state store.
//!
//! Invariant: between two calls of [`Worker::turn`] the uncommitted effects are those of whole
//! events, in order, up to [`Cursor::position`].
//!
//! Why: docs/decisions/0005-processor-under-the-worker.md

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tailrace_core::{
    observe::{
        barrier::PartitionBarrier, candidate_reports::CandidateReports, progress::Cursor, throttle::By,
        views::Views,
    },
    order_log::OrderLog,
    ports::{
        clock::Clock,
        store::{Full, PartitionStore, StoreError},
    },
    state_deletion::StateDeletion,
    watermark::InputClock,
};

use crate::{
    arrival::{Arrival, QueueItem, Source, TableRow},
    candidate::RunningCandidate,
    limits::{Admission, RateLimiters},
    observe::spans::EventSpans,
    plan::{Instances, Plan},
    process::{TurnEnd, processor::Processor},
    tables::Taken,
    turn::{backoff::Backoff, bounds::MAX_BATCH_MESSAGES, recording::Recording},
};

/// How long a row waits before it is seen whether the tenant has room for it by now.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// A partition at work on a guest thread: its queue, its limits and how far it has come.
pub struct Worker {
    /// What processes its events.
    pub processor: Processor,
    /// The limits that its events pass before they are processed.
    pub(super) limiters: RateLimiters,
    /// Whether the first event of the queue has passed them.
    pub(super) passed: bool,
    /// The limit that held the last event back, or shed it.
    pub(super) limited: Option<By>,
    /// After calls that were stopped.
    pub(super) backoff: Backoff,
    state_store: Arc<dyn PartitionStore>,
    pub(super) queue: VecDeque<QueueItem>,
    pub(super) cursor: Cursor,
    /// The clock of the input at the cursor's position.
    pub(super) clock: InputClock,
    pub(super) batch_events: u64,
    /// Whether the batch has no room for what comes next.
    pub(super) is_crowded: bool,
    /// Whether a turn has ended amid what is due.
    pub(super) is_waking: bool,
    /// What the record of the batch says of its order.
    pub(super) recording: Recording,
    /// For a batch that is done again: what its record says.
    pub(super) imposed: Option<OrderLog>,
    /// What was finished, and skipped, since the start.
    finished: PartitionBarrier,
    /// A candidate at work.
    pub(super) running_candidate: Option<RunningCandidate>,
    /// Where candidates are judged.
    candidate_reports: Arc<CandidateReports>,
}

impl Worker {
    /// A worker that goes on behind `cursor`.
    pub fn new(
        state_store: Arc<dyn PartitionStore>,
        plan: Arc<Plan>,
        cursor: Cursor,
        clock: Arc<dyn Clock>,
        max_message_bytes: usize,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            processor: Processor::new(state_store.clone(), plan, clock, max_message_bytes)?,
            limiters: RateLimiters::default(),
            passed: false,
            limited: None,
            backoff: Backoff::default(),
            state_store,
            queue: VecDeque::new(),
            cursor,
            clock: InputClock::default(),
            batch_events: 0,
            is_crowded: false,
            is_waking: false,
            recording: Recording::default(),
            imposed: None,
            finished: PartitionBarrier::default(),
            running_candidate: None,
            candidate_reports: Arc::default(),
        })
    }

    /// Whoever looks at these views sees what this worker does.
    #[must_use]
    pub fn watched_through(mut self, views: Arc<Views>, partition: u32) -> Self {
        self.processor.views = views;
        self.processor.partition = partition;
        self
    }

    /// The clock of the input goes on from there.
    #[must_use]
    pub fn on_the_clock(mut self, clock: InputClock) -> Self {
        self.clock = clock;
        self
    }

    /// Candidates are judged by these reports.
    pub fn judged_on(&mut self, candidate_reports: Arc<CandidateReports>) {
        self.candidate_reports = candidate_reports;
    }

    /// Adds to the queue.
    pub fn enqueue(&mut self, deliveries: Vec<QueueItem>) {
        self.queue.extend(deliveries);
    }

    /// What the tenant has too much of, for the turns from now on.
    pub fn has_too_much(&mut self, full: Full) {
        self.processor.effects.full = full;
    }

    /// How much waits in the queue.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Up to where it has come, committed or not.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Processes at most so many queue items, for at most `slice`.
    pub fn turn(&mut self, slice: Duration, most: usize) -> TurnEnd {
        let end = self.work(slice, most);
        if let Some(running_candidate) = &mut self.running_candidate {
            running_candidate.report();
        }
        end
    }

    fn work(&mut self, slice: Duration, most: usize) -> TurnEnd {
        let end = self.processor.clock.monotonic() + slice;
        for _ in 0..most {
            let Some(delivery) = self.queue.pop_front() else {
                break;
            };
            let arrival = match delivery {
                QueueItem::Mark(sequence, clock) => {
                    let watermark_ms = self.cursor.watermark_ms.max(clock.watermark_ms);
                    if let Some(stop) = self.wake(watermark_ms, end) {
                        self.queue.push_front(QueueItem::Mark(sequence, clock));
                        return stop;
                    }
                    if let Err(cause) = self.mark(sequence, clock) {
                        return TurnEnd::Failed(cause.to_string());
                    }
                    continue;
                }
                QueueItem::Barrier(number) => {
                    self.barrier(number);
                    continue;
                }
                QueueItem::Row(row) => match self.take_row(row) {
                    None => continue,
                    Some(stop) => return stop,
                },
                QueueItem::Delete(sequence, order) => {
                    if let Err(cause) = self.delete(sequence, order) {
                        return TurnEnd::Failed(cause.to_string());
                    }
                    if let Some(stop) = self.stop_at(end) {
                        return stop;
                    }
                    continue;
                }
                QueueItem::Event(arrival) => arrival,
            };
            if self.is_done(&arrival) {
                self.finished.skipped += 1;
                continue;
            }
            let watermark_ms = self.cursor.watermark_ms.max(arrival.clock.watermark_ms);
            if let Some(stop) = self.wake(watermark_ms, end) {
                self.queue.push_front(QueueItem::Event(arrival));
                return stop;
            }
            let shed = match self.admit(&arrival) {
                Admission::Through => None,
                Admission::Away(by) => Some(by),
                Admission::Back(wait) => {
                    self.queue.push_front(QueueItem::Event(arrival));
                    return TurnEnd::Throttled(wait);
                }
            };
            let stop = self.take(arrival, shed);
            if let Some(stop) = self.with_backoff(stop) {
                return stop;
            }
            if let Some(stop) = self.stop_at(end) {
                return stop;
            }
        }
        TurnEnd::Drained
    }

    /// Takes a row of a table into the batch. One that there is no room for waits, and what comes behind it.
    fn take_row(&mut self, row: Box<TableRow>) -> Option<TurnEnd> {
        match self.processor.take_row(&row) {
            Ok(Taken::Known) => return None,
            Ok(Taken::In) => {
                self.batch_events += 1;
                self.record_row(&row);
            }
            Ok(Taken::NoRoom) => {
                self.limited = Some(By::StateQuota);
                self.queue.push_front(QueueItem::Row(row));
                return Some(TurnEnd::Throttled(FULL_PAUSE));
            }
            Err(cause) => return Some(TurnEnd::Failed(cause.to_string())),
        }
        self.processor.effects.settle();
        self.is_full().then_some(TurnEnd::Full)
    }

    /// Why the turn ends behind what was done last, if it does.
    fn stop_at(&self, end: Duration) -> Option<TurnEnd> {
        if self.is_full() {
            return Some(TurnEnd::Full);
        }
        let is_over = self.processor.clock.monotonic() >= end && !self.queue.is_empty();
        is_over.then_some(TurnEnd::SliceOver)
    }

    /// Deletes some of what an order names. It stays first in the queue until all of it is deleted, so no event comes
    /// in between but after a crash.
    fn delete(&mut self, sequence: u64, order: Arc<StateDeletion>) -> Result<(), StoreError> {
        if sequence <= self.cursor.redrive_position {
            return Ok(());
        }
        let watermark_ms = self.cursor.watermark_ms;
        let deleted = self
            .processor
            .effects
            .delete_state(sequence, &order, watermark_ms)?;
        self.batch_events += 1;
        self.record_deletion();
        if deleted.done {
            let (partition, entries) = (self.processor.partition, deleted.entries);
            tracing::info!(
                partition,
                step = order.step,
                entries,
                "state was deleted by order"
            );
            self.cursor.redrive_position = sequence;
        } else {
            self.queue.push_front(QueueItem::Delete(sequence, order));
        }
        Ok(())
    }

    fn barrier(&mut self, number: u64) {
        self.processor.stats.barriers.push(PartitionBarrier {
            number,
            ..self.finished
        });
    }

    /// Spans of tries that were taken back since the last time.
    pub fn repeated(&mut self) -> Vec<EventSpans> {
        std::mem::take(&mut self.processor.spans.repeated)
    }

    /// The barriers that wait for no commit.
    pub fn settled_barriers(&mut self) -> Vec<PartitionBarrier> {
        if self.is_clean() {
            std::mem::take(&mut self.processor.stats.barriers)
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
        self.begin_item();
        let crowded = self.batch_events > 0;
        let event_mark = self.processor.effects.mark();
        let counts_before = self.processor.stats.counts.clone();
        let traced_before = self.processor.spans.traced.len();
        let watermark_ms = self.cursor.watermark_ms.max(arrival.clock.watermark_ms);
        let turned_away = self.turn_away(&arrival, watermark_ms, shed.is_some());
        let mut running_candidate = self.running_candidate.take();
        let halt = match (shed, &mut running_candidate) {
            _ if arrival.skipped => {
                self.skip(&arrival);
                None
            }
            (Some(by), _) => {
                self.shed(&arrival, by);
                None
            }
            _ if turned_away => None,
            (None, None) => self.processor.process(&arrival, watermark_ms),
            (None, Some(running_candidate)) => {
                running_candidate.process(&mut self.processor, &arrival, watermark_ms)
            }
        };
        self.pay(&counts_before);
        let overfull = crowded && self.processor.effects.output_count() > MAX_BATCH_MESSAGES;
        if halt.is_some() || overfull {
            // The event stays first in the queue; nothing of it is in the batch.
            self.processor.effects.roll_back(&event_mark);
            self.processor.stats.counts = counts_before;
            let tries = self.processor.spans.traced.drain(traced_before..);
            self.processor
                .spans
                .repeated
                .extend(tries.filter(|_| halt.is_some()));
            let was_processed = shed.is_none() && !arrival.skipped && !turned_away;
            if let Some(running_candidate) = running_candidate.as_mut().filter(|_| was_processed) {
                running_candidate.take_back();
            }
            self.running_candidate = running_candidate;
            self.queue.push_front(QueueItem::Event(arrival));
            self.is_crowded |= halt.is_none();
            return Some(halt.unwrap_or(TurnEnd::Full));
        }
        let canary = running_candidate.as_ref().and_then(RunningCandidate::canary);
        self.record_event(&arrival, shed, canary);
        self.running_candidate = running_candidate.and_then(|mut running_candidate| {
            // A shed event is not the candidate's either, nor is what is no event.
            let goes_on = shed.is_some()
                || arrival.skipped
                || turned_away
                || running_candidate.settle(&mut self.processor, &arrival, &event_mark);
            goes_on.then_some(running_candidate)
        });
        self.processor.effects.settle();
        let counts = &self.processor.stats.counts;
        self.finished
            .outcomes
            .add(&counts.outcomes.since(&counts_before.outcomes));
        self.finished.retried += counts.retried - counts_before.retried + u64::from(self.processor.attempts);
        self.processor.stats.times.note(&arrival.time);
        if arrival.is_ahead {
            self.processor
                .stats
                .times
                .note_ahead(arrival.event.time_ms, arrival.received_ms);
        }
        self.processor.attempts = 0;
        self.passed = false;
        self.batch_events += 1;
        self.cursor.watermark_ms = watermark_ms;
        match arrival.source {
            Source::Input => {
                self.cursor.position = arrival.sequence;
                self.clock = arrival.clock;
            }
            Source::Redrive => self.cursor.redrive_position = arrival.sequence,
        }
        None
    }

    /// Goes on with another revision and these instances of its steps; only when clean, and with a commit
    /// under way only where the revision [follows at once](Plan::follows_at_once).
    pub fn adopt(&mut self, plan: &Arc<Plan>, instances: Instances) -> Result<(), StoreError> {
        self.processor.adopt(plan.clone(), instances.active)?;
        self.running_candidate = match &plan.candidate {
            Some(candidate) => Some(RunningCandidate::new(
                candidate,
                instances.candidate,
                self.state_store.clone(),
                &self.processor,
                self.candidate_reports.clone(),
            )?),
            None => None,
        };
        self.backoff = Backoff::default();
        Ok(())
    }

    /// Why the turn stops behind an event, or a try of it, with the backoff that is due before the next.
    pub(super) fn with_backoff(&mut self, stop: Option<TurnEnd>) -> Option<TurnEnd> {
        let calls = std::mem::take(&mut self.processor.calls);
        let Some(backoff) = self.backoff.event_over(calls) else {
            return stop;
        };
        match stop {
            None => {
                self.limited = Some(By::StoppedCalls);
                Some(TurnEnd::Backoff(backoff))
            }
            Some(TurnEnd::Retry(pause)) => Some(TurnEnd::Retry(pause.max(backoff))),
            stop => stop,
        }
    }
}
