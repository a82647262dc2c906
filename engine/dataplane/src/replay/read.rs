//! What a partition had is read again: by the same code, under the revision that has read it then, with the clock of the
//! input as it was.

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    identity::PartitionId,
    order_log::{OrderLog, Step},
    ports::broker::Incoming,
    record::Head,
    state_deletion::{self, StateDeletion},
    trace::sampling::Sampling,
    watermark::InputClock,
};

use crate::{
    arrival::{Arrival, QueueItem, Reading},
    intake::{self, clock::IntakeClock, redriven::is_of_life},
    observe::spans,
    plan::Plan,
    replay::{no_clock::NoClock, replay_error::ReplayError, sources::Sources},
};

/// Reads again what a batch had.
pub(super) struct Reader<'a> {
    partition: &'a PartitionId,
    /// The revision that reads.
    plan: Arc<Plan>,
    /// Up to here the input is read.
    read: u64,
    /// The same of the redrive subject.
    redriven: u64,
    clock: IntakeClock,
    reading: Arc<Reading>,
}

impl<'a> Reader<'a> {
    /// Goes on behind a record.
    pub(super) fn behind(partition: &'a PartitionId, head: &Head, plan: Arc<Plan>) -> Self {
        Self {
            partition,
            reading: Arc::new(Reading {
                revision: plan.revision,
                share: Vec::new(),
                sampling: None,
            }),
            plan,
            read: head.position,
            redriven: head.redrive_position,
            clock: IntakeClock::behind(head.position, head.clock.clone(), Duration::ZERO),
        }
    }

    /// How events are read. The worker compares it with that of the event before.
    pub(super) fn reading(&self) -> Arc<Reading> {
        self.reading.clone()
    }

    /// Another revision reads from here on.
    pub(super) fn read_by(&mut self, plan: Arc<Plan>) {
        self.begin(Reading {
            revision: plan.revision,
            ..self.as_now()
        });
        self.plan = plan;
    }

    /// From here on, events of these partitions are read.
    pub(super) fn read_share(&mut self, share: &[u32]) {
        self.begin(Reading {
            share: share.to_vec(),
            ..self.as_now()
        });
    }

    /// From here on, events are picked so to be traced.
    pub(super) fn pick(&mut self, sampling: Option<Sampling>) {
        self.begin(Reading {
            sampling,
            ..self.as_now()
        });
    }

    /// The clock is this with the next event.
    pub(super) fn go_on_at(&mut self, sequence: u64, clock: &InputClock) {
        self.read = sequence.saturating_sub(1);
        self.clock = IntakeClock::behind(sequence, clock.clone(), Duration::ZERO);
        self.begin(self.as_now());
    }

    fn as_now(&self) -> Reading {
        Reading {
            revision: self.reading.revision,
            share: self.reading.share.clone(),
            sampling: self.reading.sampling,
        }
    }

    /// Another stretch of the input than any before.
    fn begin(&mut self, reading: Reading) {
        self.reading = Arc::new(reading);
    }

    /// Whether the clock went on from the event before is the record's to say, and so is which events are traced.
    fn read_so(&self, mut arrival: Arrival) -> QueueItem {
        arrival.reading = Some(self.reading());
        let tenant = &self.plan.pipeline.tenant;
        let sampling = self.reading.sampling;
        arrival.traced =
            sampling.and_then(|sampling| spans::take_up(sampling, tenant, &arrival.event, &NoClock));
        QueueItem::Event(Box::new(arrival))
    }

    /// The next event of the partition.
    pub(super) fn event(&mut self, sources: &mut dyn Sources) -> Result<QueueItem, ReplayError> {
        loop {
            let message = sources.input(self.read);
            let message = message.ok_or_else(|| missing("the input", self.read))?;
            self.read = message.sequence;
            let mut arrival = intake::arrive(&self.plan, message);
            let partition = self.partition_of(&arrival);
            let share = &self.reading.share;
            if !share.is_empty() && !share.contains(&partition) {
                continue;
            }
            self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
            if partition == self.partition.partition {
                return Ok(self.read_so(arrival));
            }
        }
    }

    /// The next dead letter of the partition that was sent again.
    pub(super) fn letter(&mut self, sources: &mut dyn Sources) -> Result<QueueItem, ReplayError> {
        loop {
            let message = self.next_redriven(sources)?;
            if state_deletion::is_order(&message.subject) || !is_of_life(self.partition.life, &message) {
                continue;
            }
            let arrival = intake::arrive_again(&self.plan, message);
            let is_own = |arrival: &Arrival| self.partition_of(arrival) == self.partition.partition;
            if let Some(arrival) = arrival.filter(is_own) {
                return Ok(self.read_so(arrival));
            }
        }
    }

    /// The next order to delete state.
    pub(super) fn order(&mut self, sources: &mut dyn Sources) -> Result<QueueItem, ReplayError> {
        loop {
            let message = self.next_redriven(sources)?;
            let order = serde_json::from_slice::<StateDeletion>(&message.payload).ok();
            let is_own = |order: &StateDeletion| order.life == self.partition.life;
            if let Some(order) = order.filter(is_own)
                && state_deletion::is_order(&message.subject)
            {
                return Ok(QueueItem::Delete(message.sequence, Arc::new(order)));
            }
        }
    }

    fn next_redriven(&mut self, sources: &mut dyn Sources) -> Result<Incoming, ReplayError> {
        let message = sources.redriven(self.redriven);
        let message = message.ok_or_else(|| missing("what was sent again", self.redriven))?;
        self.redriven = message.sequence;
        Ok(message)
    }

    fn partition_of(&self, arrival: &Arrival) -> u32 {
        let event = &arrival.event;
        self.plan.manifest.partition_of(&event.subject, &event.key)
    }
}

/// A revision, beside this canary.
pub(super) fn plan(
    sources: &mut dyn Sources,
    revision: u64,
    canary: Option<u64>,
) -> Result<Arc<Plan>, ReplayError> {
    let plan = sources.plan(revision, canary);
    plan.ok_or_else(|| ReplayError::Missing(format!("revision {revision}, with {canary:?} beside it,")))
}

/// The canary that has taken part in a batch.
pub(super) fn canary(order: &OrderLog) -> Option<u64> {
    order.steps.iter().find_map(|step| match step {
        Step::Canary(canary) => *canary,
        _ => None,
    })
}

fn missing(what: &str, after: u64) -> ReplayError {
    ReplayError::Missing(format!("{what} behind sequence {after}"))
}
