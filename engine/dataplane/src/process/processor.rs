//! What processing needs: the steps' instances, the effects that they write, what is counted and shown of
//! it. A partition's worker has one for its plan; a shadow is one of its own.
//!
//! It knows no queue, no limit and no position. Those are the worker's, who gives it one event after the
//! other and takes back an event that does not come to its end.
//!
//! Why: docs/decisions/0005-processor-under-the-worker.md

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tailrace_core::{
    name::Name,
    observe::{event_outcome::EventOutcome, stats::BatchStats, views::Views},
    ports::{
        clock::Clock,
        plugins::Instance,
        store::{PartitionStore, StoreError},
    },
};

use crate::{
    effects::Effects, observe::spans::BatchSpans, plan::Plan, process::fates::CallFates, tables::Sweeps,
    waiting::Waiting,
};

/// Whose effects count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its effects are committed.
    Active,
    /// Nothing of it takes effect: it shows nothing, and tries no event again after a pause.
    Shadow,
}

/// How the calls of an event, or of a try of it, ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallTimes {
    /// Time of the calls that their deadline or their fuel stopped.
    pub stopped: Duration,
    /// Whether a call came to its end.
    pub has_ended: bool,
}

impl CallTimes {
    /// A call is over after so long: stopped, or come to its end.
    pub fn note(&mut self, was_stopped: bool, took: Duration) {
        if was_stopped {
            self.stopped += took;
        } else {
            self.has_ended = true;
        }
    }
}

/// Everything that processing an event needs.
pub struct Processor {
    /// The revision at work.
    pub plan: Arc<Plan>,
    /// What it has caused and what is not committed.
    pub(crate) effects: Effects,
    /// An instance of each step; one that is not there is made at its first event.
    pub(crate) instances: Vec<Option<Box<dyn Instance>>>,
    /// Steps whose instance was spent and is not made anew yet, as far as it is known.
    pub(super) spent: BTreeSet<usize>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the current batch counts.
    pub stats: BatchStats,
    /// Spans of the current batch.
    pub spans: BatchSpans,
    pub(crate) max_message_bytes: usize,
    /// Whether something of the current batch was given up, or cut, for its size.
    pub(crate) met_the_limit: bool,
    /// Tries that the event at hand has had.
    pub(crate) attempts: u32,
    /// What watchers see.
    pub(crate) views: Arc<Views>,
    pub(crate) partition: u32,
    /// The watermark of what is at hand.
    pub(crate) watermark_ms: u64,
    pub(crate) role: Role,
    /// What the event at hand came to, where a candidate runs.
    pub(crate) noted: Option<EventOutcome>,
    /// How the calls of the event at hand ended.
    pub(crate) calls: CallTimes,
    /// Rows of tables that are on their way out.
    pub(crate) sweeps: Sweeps,
    /// How the calls of the item at hand failed.
    pub(crate) fates: CallFates,
    /// By which rules windows and joins wait.
    pub(crate) waiting: Waiting,
}

impl Processor {
    /// Of this plan, on top of this state store.
    pub fn new(
        state_store: Arc<dyn PartitionStore>,
        plan: Arc<Plan>,
        clock: Arc<dyn Clock>,
        max_message_bytes: usize,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            effects: Effects::new(state_store, plan.clone())?,
            instances: plan.no_instances().active,
            spent: BTreeSet::new(),
            plan,
            clock,
            stats: BatchStats::default(),
            spans: BatchSpans::default(),
            max_message_bytes,
            met_the_limit: false,
            attempts: 0,
            views: Arc::default(),
            partition: 0,
            watermark_ms: 0,
            role: Role::Active,
            noted: None,
            calls: CallTimes::default(),
            sweeps: Sweeps::default(),
            fates: CallFates::default(),
            waiting: Waiting::default(),
        })
    }

    /// One for a candidate's plan, which shadows this one.
    pub(crate) fn shadow(
        &self,
        state_store: Arc<dyn PartitionStore>,
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            effects: Effects::of_shadow(state_store, plan.clone())?,
            instances,
            spent: BTreeSet::new(),
            plan,
            clock: self.clock.clone(),
            stats: BatchStats::default(),
            spans: BatchSpans::default(),
            max_message_bytes: self.max_message_bytes,
            met_the_limit: false,
            attempts: 0,
            views: Arc::default(),
            partition: self.partition,
            watermark_ms: 0,
            role: Role::Shadow,
            noted: None,
            calls: CallTimes::default(),
            sweeps: Sweeps::default(),
            fates: CallFates::default(),
            waiting: Waiting::default(),
        })
    }

    /// Goes on with another revision and these instances of its steps.
    pub(crate) fn adopt(
        &mut self,
        plan: Arc<Plan>,
        instances: Vec<Option<Box<dyn Instance>>>,
    ) -> Result<(), StoreError> {
        self.effects.adopt(plan.clone())?;
        self.instances = instances;
        self.spent.clear();
        self.sweeps.forget();
        self.waiting = Waiting::default();
        self.attempts = 0;
        self.plan = plan;
        Ok(())
    }

    /// Whether an instance was spent since the last time that all were made anew.
    pub(crate) fn is_cold(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Makes the instances anew that were spent. One that cannot be made now is made at its next event, which says
    /// what is wrong.
    pub(crate) fn warm_up(&mut self) {
        for index in std::mem::take(&mut self.spent) {
            if self.instances[index].is_none() {
                self.instances[index] = self.plan.steps[index].instantiate().ok();
            }
        }
    }

    /// Bytes of linear memory that the instance of each step takes.
    pub fn memory_bytes(&self) -> Vec<(Name, u64)> {
        let instances = self.instances.iter().zip(&self.plan.steps);
        let taken = instances.map(|(instance, step)| {
            let bytes = instance.as_ref().map_or(0, |instance| instance.memory_bytes());
            (step.manifest.name.clone(), bytes)
        });
        taken.collect()
    }
}
