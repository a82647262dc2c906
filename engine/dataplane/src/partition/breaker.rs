//! The circuit breaker: a pipeline most of whose events become dead letters is paused, because its
//! plugin, or its publisher, needs a person more than its events need processing.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tailrace_core::{manifest::BreakerManifest, outcome::OutcomeCounters};

/// What a window holds at most: commits of 48 partitions, a few milliseconds each, are added up in
/// this many slots.
const SLOTS: u32 = 20;

/// Shared by the partitions of a pipeline on this engine.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<VecDeque<Slot>>);

#[derive(Debug)]
struct Slot {
    began: Duration,
    events: u64,
    failed: u64,
}

impl Breaker {
    /// Takes a committed batch in; says why to pause, if the ratio is passed.
    pub fn take(&self, manifest: &BreakerManifest, now: Duration, batch: &OutcomeCounters) -> Option<String> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = manifest.window.0;
        while slots.front().is_some_and(|slot| slot.began + window < now) {
            slots.pop_front();
        }
        if slots.back().is_none_or(|slot| slot.began + window / SLOTS < now) {
            slots.push_back(Slot {
                began: now,
                events: 0,
                failed: 0,
            });
        }
        if let Some(slot) = slots.back_mut() {
            slot.events += batch.events;
            slot.failed += batch.dead + batch.rejected;
        }
        let events: u64 = slots.iter().map(|slot| slot.events).sum();
        let failed: u64 = slots.iter().map(|slot| slot.failed).sum();
        let passed = events >= manifest.minimum && failed as f64 > manifest.dead_letter_ratio * events as f64;
        passed.then(|| {
            format!(
                "circuit breaker: {failed} of the last {events} events became dead letters, which is more than the ratio of {} allows; look at the dead letters, mend the cause, then resume",
                manifest.dead_letter_ratio
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::units::Span;

    fn manifest() -> BreakerManifest {
        BreakerManifest {
            dead_letter_ratio: 0.5,
            window: Span::from_millis(10_000),
            minimum: 10,
        }
    }

    fn batch(events: u64, dead: u64) -> OutcomeCounters {
        OutcomeCounters {
            events,
            dead,
            ..OutcomeCounters::default()
        }
    }

    #[test]
    fn it_trips_above_the_ratio_and_not_before_the_minimum() {
        let breaker = Breaker::default();
        let at = Duration::from_secs;
        assert_eq!(
            breaker.take(&manifest(), at(1), &batch(9, 9)),
            None,
            "too few events"
        );
        assert_eq!(
            breaker.take(&manifest(), at(2), &batch(9, 0)),
            None,
            "exactly half"
        );
        let why = breaker.take(&manifest(), at(3), &batch(1, 1)).unwrap();
        assert!(why.contains("10 of the last 19"), "{why}");
    }

    #[test]
    fn what_is_older_than_the_window_no_longer_counts() {
        let breaker = Breaker::default();
        assert!(
            breaker
                .take(&manifest(), Duration::from_secs(1), &batch(9, 9))
                .is_none()
        );
        assert!(
            breaker
                .take(&manifest(), Duration::from_mins(1), &batch(9, 4))
                .is_none()
        );
        assert!(
            breaker
                .take(&manifest(), Duration::from_secs(61), &batch(3, 1))
                .is_none()
        );
    }
}
