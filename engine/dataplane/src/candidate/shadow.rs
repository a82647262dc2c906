//! A shadow: a processor of the candidate's own beside the active one, on state of its own that is copied on
//! write. It sees what it wrote, and what it has not written it sees as the active revision's events have
//! left it just before the event at hand; so it goes first, on top of the active revision's uncommitted
//! effects, and what it did is compared when the active revision has had the event too. Its messages, its
//! dead letters and its sketches are dropped then; what it wrote is never committed.
//!
//! Bounded: in memory by [`MAX_BYTES`], in time by [`TIME_SHARE`]. Beyond either it ends and says why.
//! It tries nothing again after a pause, for the active revision's events would wait.
//!
//! Why: docs/decisions/0030-a-candidate-runs-in-the-partitions-turn.md

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    observe::{
        candidate_stats::{CandidateStats, Example},
        event_outcome::EventOutcome,
        stats::BatchStats,
    },
    outcome::Outcome,
    ports::{
        plugins::Instance,
        store::{PartitionStore, StoreError},
    },
    subject,
};

use crate::{
    arrival::Arrival,
    candidate::compare::{self, SideOf},
    effects::journal::Mark,
    plan::Plan,
    process::{TurnEnd, processor::Processor},
};

/// What a partition's shadow may hold of state and vectors: 48 partitions of it are 1.5 GiB, and far more
/// keys than a comparison needs.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Its time may be so many times the active revision's, over all events,
const TIME_SHARE: u32 = 8;
/// and so much more. A plugin that loops to its deadline at every event is over that after a few of them.
const TIME_CREDIT: Duration = Duration::from_millis(500);

/// A shadow at work.
pub(super) struct Shadow {
    processor: Box<Processor>,
    dead_subject: String,
    /// What the event at hand came to, and where the shadow's effects stood before it.
    at_hand: Option<(EventOutcome, Mark)>,
    active: EventOutcome,
    spent: Duration,
    active_spent: Duration,
    /// What it held when it was last counted, and what it had written by then.
    counted: (usize, usize),
    ended: Option<String>,
}

impl Shadow {
    pub(super) fn new(
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
        state_store: Arc<dyn PartitionStore>,
        active: &Processor,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            dead_subject: subject::dead_subject(&plan.pipeline),
            processor: Box::new(active.shadow(state_store, plan, instances)?),
            at_hand: None,
            active: EventOutcome::default(),
            spent: Duration::ZERO,
            active_spent: Duration::ZERO,
            counted: (0, 0),
            ended: None,
        })
    }

    pub(super) fn process(
        &mut self,
        active: &mut Processor,
        arrival: &Arrival,
        watermark_ms: u64,
    ) -> Option<TurnEnd> {
        let began = active.clock.monotonic();
        self.go_first(active, arrival, watermark_ms);
        let between = active.clock.monotonic();
        active.noted = Some(EventOutcome::default());
        let halt = active.process(arrival, watermark_ms);
        self.active = active.noted.take().unwrap_or_default();
        self.spent += between.saturating_sub(began);
        self.active_spent += active.clock.monotonic().saturating_sub(between);
        halt
    }

    fn go_first(&mut self, active: &Processor, arrival: &Arrival, watermark_ms: u64) {
        let before = self.processor.effects.mark();
        self.processor.noted = Some(EventOutcome::default());
        let below = Some(&active.effects);
        let halt = self.processor.process_above(arrival, watermark_ms, below);
        let mut noted = self.processor.noted.take().unwrap_or_default();
        match halt {
            None => {}
            Some(TurnEnd::Plugin(cause)) => self.ended = Some(cause.to_string()),
            Some(TurnEnd::Failed(cause)) => {
                tracing::warn!(cause, "the engine failed under a shadow");
                self.ended = Some("the engine failed under the shadow's plugin".to_owned());
            }
            // Its policy would pause the pipeline: the event is as good as dead.
            Some(_) => {
                self.processor.effects.roll_back(&before);
                noted.outcome = Outcome::Dead;
            }
        }
        self.at_hand = Some((noted, before));
    }

    pub(super) fn take_back(&mut self) {
        if let Some((_, before)) = self.at_hand.take() {
            self.processor.effects.roll_back(&before);
        }
        self.forget();
    }

    /// Compares; says why the shadow ends, if it does.
    pub(super) fn settle(
        &mut self,
        active: &mut Processor,
        arrival: &Arrival,
        active_before: &Mark,
        candidate_stats: &mut CandidateStats,
    ) -> Option<String> {
        if self.active.outcome == Outcome::Duplicate {
            // Only the active revision knows which events have come before.
            self.take_back();
            return self.ended.take();
        }
        if let Some((noted, before)) = self.at_hand.take().filter(|_| self.ended.is_none()) {
            let candidate = SideOf {
                noted: &noted,
                outputs: self.processor.effects.outputs_since(&before),
            };
            let active_side = SideOf {
                noted: &self.active,
                outputs: active.effects.outputs_since(active_before),
            };
            candidate_stats.active.note(active_side.noted);
            candidate_stats.candidate.note(candidate.noted);
            if let Some((kind, index)) = compare::difference(&active_side, &candidate, &self.dead_subject) {
                candidate_stats.differ(kind, || Example {
                    kind,
                    partition: active.partition,
                    sequence: arrival.event.sequence,
                    key: tailrace_core::text::plain(&arrival.event.key, 512),
                    active: compare::shown(&active_side, index),
                    candidate: compare::shown(&candidate, index),
                });
            }
        }
        self.forget();
        self.ended
            .take()
            .or_else(|| self.over_time())
            .or_else(|| self.over_bytes())
    }

    /// Of an event nothing is left but what it wrote.
    fn forget(&mut self) {
        self.processor.effects.forget_messages();
        self.processor.stats = BatchStats::default();
    }

    fn over_time(&self) -> Option<String> {
        (self.spent > self.active_spent * TIME_SHARE + TIME_CREDIT).then(|| {
            format!(
                "it took {:.1} s for events that take the active revision {:.1} s; a shadow may take {TIME_SHARE} times as long and {} ms more",
                self.spent.as_secs_f64(),
                self.active_spent.as_secs_f64(),
                TIME_CREDIT.as_millis()
            )
        })
    }

    fn over_bytes(&mut self) -> Option<String> {
        let effects = &self.processor.effects;
        let (held, written) = self.counted;
        // Writing a key again adds nothing, so what is held is counted now and then only.
        if held + effects.bytes().saturating_sub(written) > MAX_BYTES {
            self.counted = (effects.held_bytes(), effects.bytes());
        }
        // A count takes time, so there is one a quarter of the bound at most.
        (self.counted.0 > MAX_BYTES / 4 * 3).then(|| {
            format!(
                "its state is over {MAX_BYTES} bytes in partition {}, the most that a shadow holds",
                self.processor.partition
            )
        })
    }
}
