//! A partition's event-time clock, for expiry of state and of the windows of sketches.
//!
//! It is a function of the committed events alone, so a replay expires the same entries. It moves
//! forward by at most [`MAX_ADVANCE_MS`] an event: real data has false dates, and a single event 50
//! days ahead must not expire everything. It moves back within the first [`WARM_UP`] events only:
//! the first of all may be the false one, and a clock that began 50 days ahead would take every
//! event of 50 days for late.
//!
//! Why: docs/decisions/0014-event-time-clock-in-small-steps.md

/// Most that one event moves the clock: a thousand events a second catch up with a real gap of a
/// day within two seconds, while one false date moves it by a minute.
const MAX_ADVANCE_MS: u64 = 60_000;

/// Events after which the clock no longer goes back.
pub const WARM_UP: u64 = 100;

/// The clock after an event of this time, behind so many others of its partition; 0 is a clock that
/// has not started.
pub fn advance(watermark_ms: u64, event_time_ms: u64, events_before: u64) -> u64 {
    if watermark_ms == 0 || events_before < WARM_UP && event_time_ms < watermark_ms {
        return event_time_ms;
    }
    event_time_ms.clamp(watermark_ms, watermark_ms.saturating_add(MAX_ADVANCE_MS))
}

/// The clock as far as it is never taken back: entries and windows that end by it may be let go. It is 0
/// while it may still go back. Otherwise the place where a batch ended, and so a crash, would decide which of
/// them are gone.
pub fn settled(watermark_ms: u64, events: u64) -> u64 {
    if events < WARM_UP { 0 } else { watermark_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_false_date_does_not_move_the_clock_far() {
        let fifty_days = 50 * 24 * 3_600_000;
        let now = 1_442_018_818_000;
        assert_eq!(advance(0, now, 0), now);
        assert_eq!(advance(now, now + 500, 0), now + 500);
        assert_eq!(advance(now, now - 500, WARM_UP), now);
        assert_eq!(advance(now, now + fifty_days, 0), now + MAX_ADVANCE_MS);
        assert_eq!(advance(u64::MAX - 1, u64::MAX, WARM_UP), u64::MAX);
    }

    #[test]
    fn no_window_ends_by_a_clock_that_may_go_back() {
        assert_eq!(settled(5_000, WARM_UP - 1), 0);
        assert!(advance(5_000, 4_000, WARM_UP - 1) < 5_000);
        assert_eq!(settled(5_000, WARM_UP), 5_000);
        assert_eq!(advance(5_000, 4_000, WARM_UP), 5_000);
    }

    #[test]
    fn a_clock_that_began_with_a_false_date_is_put_right_by_the_next_event() {
        let fifty_days = 50 * 24 * 3_600_000;
        let now = 1_442_018_818_000;
        assert_eq!(advance(now + fifty_days, now, 1), now);
        assert_eq!(advance(now + fifty_days, now, WARM_UP - 1), now);
        assert_eq!(advance(now + fifty_days, now, WARM_UP), now + fifty_days);
    }
}
