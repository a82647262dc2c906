//! A change of the revision, without a pause: the new plan's instances are made while the old plan works
//! on; then the batch at hand is sealed, and the next one is the new plan's, on top of the sealed one
//! whose commit is under way, exactly as any batch is on top of the one before.
//!
//! Invariant: a batch is one plan's, and its record bears that plan's revision. When the commit fails, the
//! partition starts again from what is committed, with the newest plan.
//!
//! What lies in memory may mean another thing to the new plan (see
//! [`Plan::follows_at_once`](crate::plan::Plan::follows_at_once)). Then the old plan's last batch is
//! committed and applied first, and no event is begun meanwhile.
//!
//! The old plan tells all that is due at a moment: the rules of the new one hold for what is told by none of it.
//!
//! Why: docs/decisions/0029-a-swap-is-a-boundary.md

use tailrace_core::{ports::executor, tasks};

use crate::partition::{
    Partition,
    end::{Step, failed},
    swap::{Next, Swap},
};

impl Partition {
    /// Makes the instances of the newest plan, on a guest thread, while the present one works on.
    pub(super) fn prepare_swap(&mut self) {
        let plan = self.plan.borrow_and_update().clone();
        let turns = self.world.turns.clone();
        self.swap = Some(Swap::Preparing(tasks::spawn(async move {
            let tenant = plan.pipeline.tenant.clone();
            let of = plan.clone();
            let made = executor::run(&*turns, &tenant, move || of.instances()).await;
            // Without them, each is made at its first event.
            let instances = made.unwrap_or_else(|_| plan.no_instances());
            Next { plan, instances }
        })));
    }

    pub(super) fn swap_prepared(&mut self, next: Next) {
        self.swap = Some(Swap::Ready(next));
        self.halted_since = self.swap_waits().then(|| self.world.clock.monotonic());
    }

    /// Whether the batch at hand is to be sealed for the sake of the next plan.
    pub(super) fn swap_is_ready(&self) -> bool {
        matches!(self.swap, Some(Swap::Ready(_)))
    }

    /// Whether no event is begun until the next plan is taken up.
    pub(super) fn swap_waits(&self) -> bool {
        self.swap_is_ready() && !self.swaps_at_once() && !self.worker().is_waking()
    }

    /// Whether the next plan can be taken up now.
    pub(super) fn may_swap(&mut self) -> bool {
        if !self.swap_is_ready() || self.worker().is_waking() {
            return false;
        }
        if self.swaps_at_once() {
            self.worker().is_clean()
        } else {
            self.is_settled()
        }
    }

    fn swaps_at_once(&self) -> bool {
        match &self.swap {
            Some(Swap::Ready(next)) => next.plan.follows_at_once(&self.worker().processor.plan),
            _ => false,
        }
    }

    pub(super) fn take_up_plan(&mut self) -> Step<()> {
        let Some(Swap::Ready(Next { plan, instances })) = self.swap.take() else {
            return Ok(());
        };
        let now = self.world.clock.monotonic();
        let halted_since = self.halted_since.take().unwrap_or(now);
        self.retry_at = None;
        self.limited_until = None;
        self.mode = plan.manifest.delivery;
        let numbers = plan.numbers();
        self.worker().adopt(&plan, instances).map_err(failed)?;
        self.committer.status.adopted(numbers);
        let now = self.world.clock.monotonic();
        self.committer.stats.swapped(now.saturating_sub(halted_since));
        Ok(())
    }
}
