//! Backoff after stopped calls. A call that its deadline or its fuel ends has used a processor for nothing. A
//! plugin that loops at every event would do so for ever. Nobody else's threads wait for it
//! ([`long_calls`](crate::schedule::long_calls)), yet it would still take all that the machine has idle, and
//! the others feel that too. So its partition backs off: not after the first event of that kind, but after
//! each that follows. The pause grows every time, until it takes nine tenths of the partition's time. The
//! first event whose calls come to their end brings it back to full speed.
//!
//! The backoff is in proportion to what was lost. So a plugin that is stopped after microseconds hardly
//! notices it, and one that is slow but comes to its end never does.
//!
//! Why: docs/decisions/0027-backoff-after-stopped-calls.md

use std::time::Duration;

use crate::process::processor::CallTimes;

/// The longest backoff for what was lost: stopped calls then take a tenth of a partition's time.
const MOST: u32 = 9;
/// Less is owed until more comes to it: each backoff is a commit.
const WORTHWHILE: Duration = Duration::from_millis(10);

/// What a partition has lost by stopped calls, and what backoff it owes.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    owed: Duration,
    /// Events, or tries of them, that lost something, one after the other.
    in_a_row: u32,
}

impl Backoff {
    /// An event, or a try of it, is over. Gives the backoff that is due.
    pub(crate) fn event_over(&mut self, calls: CallTimes) -> Option<Duration> {
        if calls.stopped.is_zero() {
            if calls.has_ended {
                *self = Self::default();
            }
            return None;
        }
        self.owed += calls.stopped.saturating_mul(self.in_a_row);
        self.in_a_row = (self.in_a_row + 1).min(MOST);
        (self.owed >= WORTHWHILE).then(|| std::mem::take(&mut self.owed))
    }

    /// Whether one event after the other loses something.
    pub(crate) fn repeats(&self) -> bool {
        self.in_a_row > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(50);

    fn over(backoff: &mut Backoff, calls: &[(bool, Duration)]) -> Option<Duration> {
        let mut times = CallTimes::default();
        for (was_stopped, took) in calls {
            times.note(*was_stopped, *took);
        }
        backoff.event_over(times)
    }

    fn stopped(backoff: &mut Backoff, after: Duration) -> Option<Duration> {
        over(backoff, &[(true, after)])
    }

    #[test]
    fn who_is_stopped_again_and_again_rests_nine_tenths_of_its_time() {
        let mut backoff = Backoff::default();
        let times = (0..12).map(|_| stopped(&mut backoff, DEADLINE).unwrap_or_default() / 50);
        let times: Vec<_> = times.map(|time| time.as_millis()).collect();
        assert_eq!(times, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]);
        assert!(backoff.repeats());
    }

    #[test]
    fn one_event_among_others_costs_no_rest() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert_eq!(stopped(&mut backoff, DEADLINE), None);
            assert!(!backoff.repeats());
            assert_eq!(over(&mut backoff, &[(false, DEADLINE)]), None);
        }
    }

    #[test]
    fn all_calls_of_an_event_count() {
        let mut backoff = Backoff::default();
        assert_eq!(stopped(&mut backoff, DEADLINE), None);
        let calls = [(false, DEADLINE), (true, DEADLINE), (true, DEADLINE)];
        assert_eq!(over(&mut backoff, &calls), Some(DEADLINE * 2));
    }

    #[test]
    fn an_event_without_a_call_says_nothing() {
        let mut backoff = Backoff::default();
        assert_eq!(stopped(&mut backoff, DEADLINE), None);
        assert_eq!(over(&mut backoff, &[]), None);
        assert_eq!(stopped(&mut backoff, DEADLINE), Some(DEADLINE));
    }

    #[test]
    fn what_is_hardly_worth_it_adds_up() {
        let mut backoff = Backoff::default();
        let calls = (1..1_000).find(|_| stopped(&mut backoff, Duration::from_micros(10)).is_some());
        // 0 + 10 + … + 80, then 90 us for each.
        assert_eq!(calls, Some(117));
    }
}
