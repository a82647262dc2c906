//! What partitions hear of the input beside its events: how far it was read, and what its clock says. So the position
//! of a partition without events does not stay behind, and what ends while nothing comes ends there too.

use std::time::Duration;

use tailrace_core::ports::broker::InputError;

use crate::{
    arrival::QueueItem,
    intake::{
        Feed, Intake,
        clock::{IntakeClock, Look},
    },
};

/// Longest wait for the broker's word on how far the input is.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

impl Feed {
    /// Has a feed that nobody waits for looked after: its consumer may be another one than was made.
    pub(super) async fn look_after(&mut self) -> Result<(), InputError> {
        let standing = tokio::time::timeout(LOOK_WITHIN, self.subscription.standing()).await;
        standing.unwrap_or(Ok(None)).map(drop)
    }
}

impl Intake {
    /// The clock of the partition that is furthest behind, where reading begins.
    pub(super) fn recorded_clock(&self) -> IntakeClock {
        let recorded = self.partition_queues.values().map(|queue| &queue.recorded);
        let least = recorded.min_by_key(|(position, _)| *position).cloned();
        let (position, clock) = least.unwrap_or_default();
        let is_shared = self.plan.borrow().manifest.input.partition.is_some();
        let own = self.partition_queues.keys().filter(|_| is_shared);
        IntakeClock::behind(position, clock, self.world.clock.monotonic()).of_share(own.copied().collect())
    }

    /// Asks the broker how far the input is. Where nothing is pending, everything up to the stream's end was read,
    /// although it is of other subjects.
    pub(super) async fn look(&self, input: &mut Feed) -> Result<Look, InputError> {
        let standing = tokio::time::timeout(LOOK_WITHIN, input.subscription.standing()).await;
        let standing = standing.unwrap_or(Ok(None))?;
        self.status
            .input_watch
            .set_pending(standing.map(|standing| standing.pending));
        let Some(standing) = standing else {
            return Ok(Look::Interrupted);
        };
        if let Some(complete_to) = standing.complete_to {
            input.read = input.read.max(complete_to);
        }
        // It may have been away and come back since it was looked last.
        let rebuilds = input.subscription.rebuilds();
        if std::mem::replace(&mut input.rebuilds, rebuilds) != rebuilds {
            return Ok(Look::Interrupted);
        }
        Ok(match standing.complete_to {
            Some(_) => Look::ReadUp,
            None => Look::Behind,
        })
    }

    /// There is nothing to read: the watermark goes on where it is to, and the next marks tell the partitions.
    pub(super) async fn tick(&self, clock: &mut IntakeClock) {
        let (idle, rule) = {
            let plan = self.plan.borrow();
            (plan.manifest.input.watermark.idle, plan.clock_rule)
        };
        let now = self.world.clock.monotonic();
        if !clock.is_quiet(&idle, now) {
            return;
        }
        let mut broker_ms = None;
        if clock.wants_broker_time() {
            let asked = tokio::time::timeout(LOOK_WITHIN, self.world.streams.time_ms()).await;
            broker_ms = asked.ok().and_then(Result::ok).flatten();
        }
        clock.tick(&rule, broker_ms, now);
    }

    /// Tells partitions without work under way how far the input was read, and what its clock says.
    pub(super) async fn mark(&self, input: &mut Feed, clock: &IntakeClock) {
        // Of an event that came again nothing is to be told: the clock is behind the last that was read.
        let now = (input.read.max(clock.moved_to()), clock.now().watermark_ms);
        for (partition, partition_queue) in &self.partition_queues {
            let given = input.given.get(partition).copied().unwrap_or(0);
            let marked = input.marked.entry(*partition).or_default();
            if partition_queue.progress.position() >= given && *marked != now {
                *marked = now;
                let mark = QueueItem::Mark(now.0, clock.now().clone());
                let _ = partition_queue.sender.send(vec![mark]).await;
            }
        }
    }
}
