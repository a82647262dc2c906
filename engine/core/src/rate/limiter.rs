//! The count against one limit.
//!
//! Windows begin at whole multiples of `per` on the clock. What is kept are the counts of the window that
//! `now` lies in and of the one before. Only [`Limiter::charge`] counts over the limit. When the clock enters
//! a new window, that excess becomes the new window's first count.
//!
//! Invariants: the window before never counts more than the limit; a clock that goes back is taken for
//! one that stands still.

use std::time::Duration;

use crate::rate::{Rate, RateWindow};

/// The count against one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limiter {
    rate: Rate,
    /// Which window `count` is of, from the clock's beginning.
    index: u64,
    count: u64,
    /// Of the window before; always 0 where windows are fixed.
    before: u64,
}

impl Limiter {
    /// Has counted nothing yet.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            index: 0,
            count: 0,
            before: 0,
        }
    }

    /// The limit.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Goes on with another limit. What is counted stays, unless the windows begin elsewhere.
    pub fn set(&mut self, rate: Rate) {
        if (rate.per, rate.window) == (self.rate.per, self.rate.window) {
            self.rate = rate;
            self.before = self.before.min(rate.limit);
        } else {
            *self = Self::new(rate);
        }
    }

    /// Counts so many, if there is room for all of them; says how long to wait if there is not. More
    /// than the limit fits when nothing else is counted, for it would never fit otherwise; what is
    /// over is a debt.
    pub fn take(&mut self, now: Duration, amount: u64) -> Result<(), Duration> {
        let wait = self.until_room(now, amount);
        if wait.is_zero() {
            self.count = self.count.saturating_add(amount);
            Ok(())
        } else {
            Err(wait)
        }
    }

    /// Counts so many that have happened, whether there is room or not.
    pub fn charge(&mut self, now: Duration, amount: u64) {
        self.enter(now);
        self.count = self.count.saturating_add(amount);
    }

    /// How long until so many have room, if nobody else takes it; zero where they have it now.
    pub fn until_room(&mut self, now: Duration, amount: u64) -> Duration {
        self.enter(now);
        let needed = amount.min(self.rate.limit);
        let since = self.since(now);
        if self.fits(since, needed) {
            return Duration::ZERO;
        }
        let nanos = self.moment_of_room(since, needed) - since;
        // A window is at most a day and a debt is paid off by whole windows: beyond this nobody waits.
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many have room now.
    pub fn room(&mut self, now: Duration) -> u64 {
        self.enter(now);
        let still_covered = self.per_nanos().saturating_sub(self.since(now));
        let before = (u128::from(self.before) * still_covered).div_ceil(self.per_nanos());
        let counted = u128::from(self.count) + before;
        u64::try_from(u128::from(self.rate.limit).saturating_sub(counted)).unwrap_or(self.rate.limit)
    }

    /// Whether nothing is counted, so that a new one would do as well.
    pub fn is_empty(&mut self, now: Duration) -> bool {
        self.enter(now);
        self.count == 0 && self.before == 0
    }

    fn per_nanos(&self) -> u128 {
        self.rate.per.0.as_nanos().max(1)
    }

    /// Nanoseconds since the window began.
    fn since(&self, now: Duration) -> u128 {
        let began = u128::from(self.index) * self.per_nanos();
        now.as_nanos().saturating_sub(began)
    }

    /// Goes on to the window that this moment lies in.
    fn enter(&mut self, now: Duration) {
        let index = u64::try_from(now.as_nanos() / self.per_nanos()).unwrap_or(u64::MAX);
        if index > self.index {
            (self.before, self.count) = self.after(index - self.index);
            self.index = index;
        }
    }

    /// The counts, before and now, when so many windows have ended; at least one.
    fn after(&self, windows: u64) -> (u64, u64) {
        let limit = self.rate.limit;
        let left = |windows: u64| self.count.saturating_sub(limit.saturating_mul(windows));
        let before = match self.rate.window {
            RateWindow::Fixed => 0,
            RateWindow::Sliding => left(windows - 1).min(limit),
        };
        (before, left(windows))
    }

    /// Whether so many fit, so long after the beginning of the window.
    fn fits(&self, since: u128, needed: u64) -> bool {
        let per = self.per_nanos();
        let still_covered = per.saturating_sub(since);
        let counted = u128::from(self.count.saturating_add(needed)).saturating_mul(per)
            + u128::from(self.before) * still_covered;
        counted <= u128::from(self.rate.limit) * per
    }

    /// When so many will fit, in nanoseconds since the beginning of the window.
    fn moment_of_room(&self, since: u128, needed: u64) -> u128 {
        let (limit, per) = (self.rate.limit, self.per_nanos());
        let over = self.count.saturating_add(needed).saturating_sub(limit);
        let windows = over.div_ceil(limit.max(1));
        let (before, count) = if windows == 0 {
            (self.before, self.count)
        } else {
            self.after(windows)
        };
        // Of the window before, so much may still count.
        let spare = u128::from(limit.saturating_sub(count + needed));
        let ended = u128::from(windows) * per;
        let covered = if before == 0 {
            per
        } else {
            (spare * per / u128::from(before)).min(per)
        };
        (ended + per - covered).max(since)
    }
}
