//! A revision beside the active one, on the active one's events.
//!
//! - [`shadow`]: the same events, after which nothing of it is left but a comparison;
//! - [`canary`]: a share of the keys is its own, in the same batches and on the same state;
//! - [`compare`]: in what two sides differ.
//!
//! An [`event_outcome`](tailrace_core::observe::event_outcome) is what an event came to on either side. The
//! [`candidate_stats`](tailrace_core::observe::candidate_stats) are what a partition has counted of both sides.
//! The [`candidate_reports`](tailrace_core::observe::candidate_reports) are what all partitions of the pipeline
//! have found, and whether that ends the candidate.
//!
//! Invariant: what is beside the active revision is in the partition's own turn, so its time is its
//! tenant's; and whatever becomes of it, the active revision's events take their course.
//!
//! Why: docs/decisions/0030-a-candidate-runs-in-the-partitions-turn.md

pub mod canary;
pub mod compare;
pub mod shadow;

use std::sync::Arc;

use canary::Canary;
use shadow::Shadow;
use tailrace_core::{
    observe::{candidate_reports::CandidateReports, candidate_stats::CandidateStats},
    ports::{
        plugins::Instance,
        store::{PartitionStore, StoreError},
    },
    registry::candidate::Mode,
};

use crate::{
    arrival::Arrival,
    effects::journal::Mark,
    plan::CandidatePlan,
    process::{TurnEnd, processor::Processor},
};

/// A candidate at work in a partition.
pub(super) struct RunningCandidate {
    side: Side,
    candidate_stats: CandidateStats,
    candidate_reports: Arc<CandidateReports>,
}

enum Side {
    Shadow(Box<Shadow>),
    Canary(Canary),
}

impl RunningCandidate {
    /// Beside this processor, on its state store.
    pub(super) fn new(
        candidate: &CandidatePlan,
        instances: Vec<Option<Box<dyn Instance>>>,
        state_store: Arc<dyn PartitionStore>,
        active: &Processor,
        candidate_reports: Arc<CandidateReports>,
    ) -> Result<Self, StoreError> {
        let plan = candidate.plan.clone();
        let side = match candidate.mode {
            Mode::Shadow => Side::Shadow(Box::new(Shadow::new(plan, instances, state_store, active)?)),
            Mode::Canary(canary) => Side::Canary(Canary::new(plan, instances, canary)),
        };
        Ok(Self {
            candidate_stats: CandidateStats::new(candidate.plan.revision),
            side,
            candidate_reports,
        })
    }

    /// Has the event processed on the side or sides that it belongs to.
    pub(super) fn process(
        &mut self,
        active: &mut Processor,
        arrival: &Arrival,
        watermark_ms: u64,
    ) -> Option<TurnEnd> {
        match &mut self.side {
            Side::Shadow(shadow) => shadow.process(active, arrival, watermark_ms),
            Side::Canary(canary) => canary.process(active, arrival, watermark_ms),
        }
    }

    /// The revision of a canary, while keys are its own.
    pub(super) fn canary(&self) -> Option<u64> {
        match &self.side {
            Side::Shadow(_) => None,
            Side::Canary(canary) => canary.at_work(),
        }
    }

    /// The event stays in the queue: nothing of it counts.
    pub(super) fn take_back(&mut self) {
        if let Side::Shadow(shadow) = &mut self.side {
            shadow.take_back();
        }
    }

    /// The event is done; `before` is where the active effects stood. Says whether to go on.
    pub(super) fn settle(&mut self, active: &mut Processor, arrival: &Arrival, before: &Mark) -> bool {
        let ended = match &mut self.side {
            Side::Shadow(shadow) => shadow.settle(active, arrival, before, &mut self.candidate_stats),
            Side::Canary(canary) => canary.settle(&mut self.candidate_stats),
        };
        if let Some(reason) = ended {
            self.candidate_reports.take(&mut self.candidate_stats);
            self.candidate_reports.end(self.candidate_stats.revision, reason);
            return false;
        }
        true
    }

    /// The turn is over: what was found is shown.
    pub(super) fn report(&mut self) {
        self.candidate_reports.take(&mut self.candidate_stats);
    }
}
