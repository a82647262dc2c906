//! A canary: the candidate's own share of the keys, in the partition's batches, on the partition's state.
//! A key is always on one side, so its order and its state are one side's; both sides' effects are
//! committed together, so they take place once whatever dies.
//!
//! For the candidate's events the processor takes its plan and its instances in place of the active ones. A
//! message that it publishes says so in a header; a dead letter bears its revision anyway.

use std::{mem, sync::Arc};

use tailrace_core::{
    event::Header,
    observe::{candidate_stats::CandidateStats, event_outcome::EventOutcome},
    ports::plugins::Instance,
    registry::candidate,
};

use crate::{
    arrival::Arrival,
    plan::Plan,
    process::{TurnEnd, processor::Processor},
};

/// On messages that a canary made: its revision.
pub const REVISION_HEADER: &str = "Tr-Revision";

/// A canary at work.
pub(super) struct Canary {
    plan: Arc<Plan>,
    instances: Vec<Option<Box<dyn Instance>>>,
    share: candidate::Canary,
    revision: u64,
    /// Whether the event at hand is the canary's, and what it came to.
    at_hand: (bool, EventOutcome),
    ended: Option<String>,
}

impl Canary {
    pub(super) fn new(
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
        share: candidate::Canary,
    ) -> Self {
        Self {
            revision: plan.revision,
            plan,
            instances,
            share,
            at_hand: (false, EventOutcome::default()),
            ended: None,
        }
    }

    pub(super) fn process(
        &mut self,
        active: &mut Processor,
        arrival: &Arrival,
        watermark_ms: u64,
    ) -> Option<TurnEnd> {
        let own = self.ended.is_none() && self.share.takes(self.revision, &arrival.event.key);
        let halt = if own {
            self.process_own(active, arrival, watermark_ms)
        } else {
            active.noted = Some(EventOutcome::default());
            active.process(arrival, watermark_ms)
        };
        self.at_hand = (own, active.noted.take().unwrap_or_default());
        halt
    }

    fn process_own(
        &mut self,
        active: &mut Processor,
        arrival: &Arrival,
        watermark_ms: u64,
    ) -> Option<TurnEnd> {
        let (before, counts) = (active.effects.mark(), active.stats.counts.clone());
        let traced = active.spans.traced.len();
        active.noted = Some(EventOutcome::default());
        self.change_sides(active);
        let halt = active.process(arrival, watermark_ms);
        self.change_sides(active);
        let reason = match halt {
            None => {
                let header = Header {
                    name: REVISION_HEADER.to_owned(),
                    value: self.revision.to_string(),
                };
                active.effects.stamp(&before, &header);
                return None;
            }
            Some(TurnEnd::Plugin(cause)) => cause.to_string(),
            // The active revision must not stand still for the candidate's policy.
            Some(TurnEnd::Pause(reason)) => reason,
            halt => return halt,
        };
        // The key changes sides, once: the candidate ends.
        self.ended = Some(reason);
        active.effects.roll_back(&before);
        active.stats.counts = counts;
        active.spans.traced.truncate(traced);
        active.attempts = 0;
        active.noted = Some(EventOutcome::default());
        active.process(arrival, watermark_ms)
    }

    /// Its revision, unless it has given up.
    pub(super) fn at_work(&self) -> Option<u64> {
        self.ended.is_none().then_some(self.revision)
    }

    fn change_sides(&mut self, active: &mut Processor) {
        mem::swap(&mut active.plan, &mut self.plan);
        mem::swap(&mut active.instances, &mut self.instances);
    }

    /// Counts the event at hand; says why the canary ends, if it does.
    pub(super) fn settle(&mut self, candidate_stats: &mut CandidateStats) -> Option<String> {
        let (own, noted) = &self.at_hand;
        if *own {
            candidate_stats.candidate.note(noted);
        } else {
            candidate_stats.active.note(noted);
        }
        self.ended.take()
    }
}
