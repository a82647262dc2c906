//! A throttled partition: it waits for room under a limit, or backs off after stopped calls. It commits what
//! it has, holds what it was given and takes no more than its queue holds; what is beyond stays at the
//! broker. It wakes when there is room, or when its backoff is over.

use std::time::Duration;

use tailrace_core::manifest::Delivery;
use tokio::time::Instant;

use crate::partition::{Partition, end::Step};

impl Partition {
    /// The next event does not begin for so long.
    pub(super) fn hold_back(&mut self, wait: Duration) {
        self.limited_until = Some(Instant::now() + wait);
    }

    /// The wait is over.
    pub(super) fn may_go_on(&mut self) {
        self.limited_until = None;
        if self.worker().queued() == 0 {
            // After a backoff; no turn comes that would say so.
            self.show_limit();
        }
    }

    /// Shows by which limit events were held back or shed, if they were.
    pub(super) fn show_limit(&mut self) {
        let now_ms = self.world.clock.unix_ms();
        let by = self.worker().take_limit();
        self.committer.status.limited(by, now_ms);
    }

    /// With at-most-once, what is claimed and waits for room is given back before the partition ends or
    /// changes, or it would be lost.
    pub(super) fn must_give_back(&self) -> bool {
        self.limited_until.is_some() && self.is_halting() && self.claimed > 0 && self.under_way.is_none()
    }

    /// Gives it back: a commit that claims nothing beyond what was processed.
    pub(super) async fn give_back(&mut self) -> Step<()> {
        self.claimed = 0;
        self.begin_commit().await
    }

    /// With at-most-once, how many queue items to claim. A partition that halts claims no more than is
    /// claimed already. Others claim no more than there is room for, because what is claimed and not
    /// processed when the engine dies is lost.
    pub(super) fn claimable(&mut self) -> usize {
        debug_assert!(self.mode == Delivery::AtMostOnce, "the others claim nothing");
        if self.is_halting() {
            self.claimed
        } else {
            self.worker().room().max(1)
        }
    }
}
