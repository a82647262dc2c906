//! The clock of a pipeline's input, where the input is read: each event moves it, in the order of the stream, and
//! takes along what it says then. One a pipeline on an engine, so a partition without events does not hold it.
//!
//! It goes on from what the partition furthest behind has recorded, and the input is read again from there. So an
//! event that is read twice, before a crash and after it, finds the same watermark.
//!
//! While the input is quiet, the watermark goes on with the wall clock. Only the time since the broker received
//! the last event counts, by the broker's own clock, so it does not matter when it was read, or what the
//! engine's clock says.
//!
//! Why: docs/decisions/0090-the-watermark-is-computed-where-the-input-is-read.md

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    manifest::{Advance, IdleManifest},
    trace::sampling::Sampling,
    watermark::{ClockRule, InputClock},
};

use crate::{
    arrival::{Arrival, Reading},
    plan::Plan,
};

/// The clock of an input.
#[derive(Debug, Default)]
pub struct IntakeClock {
    clock: InputClock,
    /// Up to here the input has moved it; what comes again does not.
    moved_to: u64,
    /// When an event came last, or reading began, in the engine's monotonic time.
    last_read: Duration,
    /// Of the silence since then: when it was found, and how long it had lasted.
    silence: Option<(Duration, Duration)>,
    /// No tick before then.
    next_tick: Duration,
    /// The partitions whose events are read; none where all of the input is.
    share: Vec<u32>,
    /// Which of them are traced.
    sampling: Option<Sampling>,
    /// Since when it goes on from event to event; none at the beginning, and behind a tick.
    reading: Option<Arc<Reading>>,
}

/// How far the input is, as the broker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything was read.
    ReadUp,
    /// There is more to read.
    Behind,
    /// The broker was away, or is: until now nobody could publish.
    Interrupted,
}

/// A tick comes after this part of the silence at the soonest: a thousand idle pipelines have other things to do.
const SILENCE_SHARE: u32 = 20;
/// Longest between two ticks.
const MOST_BETWEEN: Duration = Duration::from_mins(1);

impl IntakeClock {
    /// Goes on from a recorded clock, behind this sequence.
    pub fn behind(sequence: u64, clock: InputClock, now: Duration) -> Self {
        Self {
            clock,
            moved_to: sequence,
            last_read: now,
            silence: None,
            next_tick: Duration::ZERO,
            share: Vec::new(),
            sampling: None,
            reading: None,
        }
    }

    /// The clock of the events of these partitions only.
    #[must_use]
    pub fn of_share(mut self, share: Vec<u32>) -> Self {
        self.share = share;
        self
    }

    /// Events are picked so to be traced.
    pub fn pick(&mut self, sampling: Option<Sampling>) {
        if self.sampling != sampling {
            self.sampling = sampling;
            self.reading = None;
        }
    }

    /// How events are read now.
    pub fn reading(&mut self, plan: &Plan) -> Arc<Reading> {
        match &self.reading {
            Some(reading) if reading.revision == plan.revision => reading.clone(),
            _ => {
                let reading = Reading {
                    revision: plan.revision,
                    share: self.share.clone(),
                    sampling: self.sampling,
                };
                self.reading.insert(Arc::new(reading)).clone()
            }
        }
    }

    /// What it says now.
    pub fn now(&self) -> &InputClock {
        &self.clock
    }

    /// The last sequence that has moved it, or behind which it goes on.
    pub fn moved_to(&self) -> u64 {
        self.moved_to
    }

    /// An event of the input moves the clock, and takes it along.
    pub fn stamp(&mut self, plan: &Plan, arrival: &mut Arrival, now: Duration) {
        if arrival.sequence > self.moved_to {
            self.moved_to = arrival.sequence;
            self.last_read = now;
            self.silence = None;
            self.next_tick = Duration::ZERO;
            if arrival.moves_clock {
                self.advance(plan, arrival);
            }
            self.clock.read(arrival.sequence, arrival.received_ms);
        }
        arrival.clock = self.clock.clone();
        arrival.reading = Some(self.reading(plan));
    }

    fn advance(&mut self, plan: &Plan, arrival: &Arrival) {
        let (rule, time_ms) = (&plan.clock_rule, arrival.event.time_ms);
        if let Some(carried) = arrival.carried {
            return self
                .clock
                .advance_behind(rule, carried, time_ms, arrival.received_ms);
        }
        if !rule.is_bound() {
            self.clock.expect(rule, plan.expected_sources());
        }
        let source = arrival.clock_source.as_deref();
        self.clock.advance(rule, source, time_ms);
    }

    /// Whether the input has been quiet for long enough, and a tick is due.
    pub fn is_quiet(&self, idle: &IdleManifest, now: Duration) -> bool {
        let quiet = now.saturating_sub(self.last_read);
        let is_due = quiet >= idle.after.0.0 && now >= self.next_tick;
        idle.advance == Advance::Pace && is_due && self.clock.watermark_ms > 0
    }

    /// The broker was away until now. Publishers that were cut off by that come back within `idle.after`, and what they
    /// send then is not late: the silence begins only now.
    pub fn interrupt(&mut self, now: Duration) {
        self.last_read = now;
        self.silence = None;
        self.next_tick = Duration::ZERO;
    }

    /// Whether it is not known yet how long the silence has lasted.
    pub fn wants_broker_time(&self) -> bool {
        self.silence.is_none()
    }

    /// The broker has nothing that was not read: a tick. `broker_ms` is the broker's time, where it was asked.
    pub fn tick(&mut self, rule: &ClockRule, broker_ms: Option<u64>, now: Duration) {
        let here = now.saturating_sub(self.last_read);
        let received_ms = self.clock.received_ms();
        let lasted = broker_ms
            .filter(|_| received_ms > 0)
            .map(|broker_ms| Duration::from_millis(broker_ms.saturating_sub(received_ms)));
        let (found, lasted) = *self.silence.get_or_insert((now, lasted.unwrap_or(here)));
        let silence = lasted + now.saturating_sub(found);
        self.clock.tick(rule, silence.as_millis() as u64);
        self.reading = None;
        self.next_tick = now + (here / SILENCE_SHARE).min(MOST_BETWEEN);
    }
}

#[cfg(test)]
mod tests {
    use tailrace_core::manifest::WatermarkManifest;

    use super::*;

    const NOW_MS: u64 = 1_795_825_800_000;

    fn rule() -> ClockRule {
        ClockRule::of_watermark(&WatermarkManifest::default())
    }

    fn clock() -> IntakeClock {
        let mut clock = InputClock::default();
        clock.advance(&rule(), None, NOW_MS);
        clock.read(7, NOW_MS + 200);
        IntakeClock::behind(7, clock, Duration::from_secs(1_000))
    }

    #[test]
    fn a_quiet_input_goes_on_with_the_wall_clock() {
        let (mut clock, idle) = (clock(), IdleManifest::default());
        assert!(!clock.is_quiet(&idle, Duration::from_secs(1_029)));
        assert!(clock.is_quiet(&idle, Duration::from_secs(1_030)));
        clock.tick(&rule(), None, Duration::from_secs(1_030));
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000 + 30_000);
        clock.tick(&rule(), None, Duration::from_secs(1_100));
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000 + 100_000);
    }

    #[test]
    fn the_longer_it_is_quiet_the_rarer_are_the_ticks() {
        let (mut clock, idle) = (clock(), IdleManifest::default());
        let mut ticks = 0;
        for seconds in (0..3_600).step_by(5) {
            let now = Duration::from_secs(1_000 + seconds);
            if clock.is_quiet(&idle, now) {
                clock.tick(&rule(), None, now);
                ticks += 1;
            }
        }
        assert!((80..130).contains(&ticks), "{ticks}");
        let behind_ms = NOW_MS - 5_000 + 3_600_000 - clock.now().watermark_ms;
        assert!(behind_ms <= 65_000, "{behind_ms}");
    }

    #[test]
    fn what_the_engine_slept_through_counts_by_the_brokers_clock() {
        let mut clock = clock();
        assert!(clock.wants_broker_time());
        clock.tick(
            &rule(),
            Some(NOW_MS + 200 + 3_600_000),
            Duration::from_secs(1_030),
        );
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000 + 3_600_000);
        assert!(!clock.wants_broker_time());
        clock.tick(&rule(), None, Duration::from_secs(1_035));
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000 + 3_605_000);
    }

    #[test]
    fn time_in_which_nobody_could_publish_is_no_silence_until_publishers_could_come_back() {
        let (mut clock, idle) = (clock(), IdleManifest::default());
        // The broker is away for a minute.
        clock.interrupt(Duration::from_secs(1_060));
        assert!(!clock.is_quiet(&idle, Duration::from_secs(1_089)));
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000);
        // Nothing came, so all of it was silence.
        assert!(clock.is_quiet(&idle, Duration::from_secs(1_090)));
        clock.tick(&rule(), Some(NOW_MS + 200 + 90_000), Duration::from_secs(1_090));
        assert_eq!(clock.now().watermark_ms, NOW_MS - 5_000 + 90_000);
    }

    #[test]
    fn a_clock_that_holds_or_has_not_started_makes_no_tick() {
        let hold = IdleManifest {
            advance: Advance::Hold,
            ..IdleManifest::default()
        };
        assert!(!clock().is_quiet(&hold, Duration::from_hours(2)));
        let unstarted = IntakeClock::default();
        assert!(!unstarted.is_quiet(&IdleManifest::default(), Duration::from_hours(2)));
    }
}
