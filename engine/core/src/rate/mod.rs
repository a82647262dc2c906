//! Rate limits: how much may happen within a time, and how long to wait until there is room again.
//! Pure: the time is handed in, as the [clock port](crate::ports::clock::Clock) tells it. A limiter is a
//! handful of numbers, whatever it has seen.
//!
//! - [`Rate`]: a limit as people write it;
//! - [`Limiter`]: counts against one;
//! - [`Table`]: one limiter for each of many keys, of which only so many are kept.
//!
//! Two windows:
//!
//! - *fixed*: time is split into windows of `per`, and none takes more than the limit. Cheap to explain; but
//!   the end of one window and the beginning of the next may together take twice the limit at once.
//! - *sliding*: the weighted count of two windows (J. Desgats, "How we built rate limiting capable of
//!   scaling to millions of domains", Cloudflare, 2017). The window before counts by the share of it
//!   that the last `per` still covers, as if what it took were spread evenly. Against an exact log:
//!   - whatever the traffic, no span of time `s` takes more than `limit * (1 + s / per)`, so one of
//!     length `per` takes less than twice the limit, and that only where a burst is followed by a
//!     whole window at the full rate;
//!   - nothing is refused while the exact log of the last two windows has room for it.
//!
//! What something will cost is not always known before it is done. So there are two ways to count:
//! [`Limiter::take`] refuses what does not fit; [`Limiter::charge`] counts what has happened, however
//! much, and what is over the limit is a debt that the windows after it pay off first.
//!
//! Why: docs/decisions/0022-rate-limits.md

mod limit;
mod limiter;
mod table;
#[cfg(test)]
mod tests;

pub use crate::rate::{
    limit::{ByteRate, LARGEST_LIMIT, LONGEST_WINDOW, Rate, RateWindow, SHORTEST_WINDOW},
    limiter::Limiter,
    table::Table,
};
