//! A partition's event-time clock, for expiry of state.
//!
//! It is a function of the committed events alone, so a replay expires the same entries. It moves
//! forward only, and by one event at most [`MAX_ADVANCE_MS`]: real data has false dates, and a
//! single event 50 days ahead must not expire everything.

/// Most that one event moves the clock: a thousand events a second catch up with a real gap of a
/// day within two seconds, while one false date moves it by a minute.
const MAX_ADVANCE_MS: u64 = 60_000;

/// The clock after an event of this time; 0 is a clock that has not started.
pub fn advance(watermark_ms: u64, event_time_ms: u64) -> u64 {
    if watermark_ms == 0 {
        return event_time_ms;
    }
    event_time_ms.clamp(watermark_ms, watermark_ms.saturating_add(MAX_ADVANCE_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_false_date_does_not_move_the_clock_far() {
        let fifty_days = 50 * 24 * 3_600_000;
        let now = 1_442_018_818_000;
        assert_eq!(advance(0, now), now);
        assert_eq!(advance(now, now + 500), now + 500);
        assert_eq!(advance(now, now - 500), now);
        assert_eq!(advance(now, now + fifty_days), now + MAX_ADVANCE_MS);
        assert_eq!(advance(u64::MAX - 1, u64::MAX), u64::MAX);
    }
}
