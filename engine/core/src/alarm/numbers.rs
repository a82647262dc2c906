//! The numbers that rules may look at, in one table each for pipelines and for engines
//! ([`tables`](crate::alarm::tables)), and their values over time. Counters become rates and ratios over the
//! last half minute, so that one batch does not swing them.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use crate::observe::status::{State, StatusReport};

/// Over how long rates and ratios are taken.
pub const WINDOW: Duration = Duration::from_secs(30);
/// Looks that a window holds; more come only from a clock that stands.
const MAX_LOOKS: usize = 64;

/// What a pipeline shows on one engine, or on all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// Events whose effects are committed.
    pub events: u64,
    /// Messages published.
    pub outputs: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Events that had come before.
    pub duplicates: u64,
    /// Tries after a first one.
    pub retries: u64,
    /// Calls that ended with a trap.
    pub traps: u64,
    /// Fuel.
    pub fuel: u64,
    /// Tries of a commit that failed.
    pub commit_failures: u64,
    /// Commits that another engine's ownership refused.
    pub fenced: u64,
    /// Starts of a partition after a failure.
    pub recoveries: u64,
    /// Consumers made anew.
    pub consumer_rebuilds: u64,
    /// Times that the counts did not agree.
    pub imbalances: u64,
    /// Events that wait in partitions.
    pub queued: u64,
    /// Linear memory of plugins.
    pub memory_bytes: u64,
    /// Partitions that something keeps from going on.
    pub partitions_in_trouble: u64,
    /// Whether it is paused or parked.
    pub stopped: bool,
    /// 99 of 100 commits are faster.
    pub commit_p99_us: Option<f64>,
    /// Sequence up to which nothing is left to do, of the slowest partition.
    pub seen: Option<u64>,
    /// Events of its subjects that are still to be processed, where the broker has told.
    pub lag: Option<u64>,
    /// Bytes of the tenant's state.
    pub state_bytes: u64,
    /// Comparisons in which a sketch was further off than it promises.
    pub sketch_breaches: u64,
}

impl Numbers {
    /// Of a report.
    pub fn of(report: &StatusReport, state_bytes: u64) -> Self {
        let (stats, counts) = (&report.stats, &report.stats.counts);
        let in_trouble = report.partitions.iter().filter(|it| it.trouble.is_some());
        Self {
            events: counts.outcomes.events,
            outputs: counts.outcomes.outputs,
            dead_letters: counts.outcomes.letters,
            duplicates: counts.outcomes.duplicates,
            retries: counts.retried,
            traps: counts.traps,
            fuel: counts.fuel,
            commit_failures: stats.commit_failures,
            fenced: stats.fenced,
            recoveries: stats.recoveries,
            consumer_rebuilds: report.input.rebuilds,
            imbalances: report.imbalances,
            queued: report.partitions.iter().map(|it| it.queued).sum(),
            memory_bytes: report.memory_bytes.values().sum(),
            partitions_in_trouble: in_trouble.count() as u64,
            stopped: matches!(report.state, State::Paused { .. } | State::Parked { .. }),
            commit_p99_us: stats.commit_latency.p99_us,
            seen: report.partitions.iter().map(|it| it.seen).min(),
            lag: report.lag(),
            state_bytes,
            sketch_breaches: stats.accuracy.values().map(|it| it.breaches).sum(),
        }
    }

    /// Adds what another engine shows of the same pipeline.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.events, other.events),
            (&mut self.outputs, other.outputs),
            (&mut self.dead_letters, other.dead_letters),
            (&mut self.duplicates, other.duplicates),
            (&mut self.retries, other.retries),
            (&mut self.traps, other.traps),
            (&mut self.fuel, other.fuel),
            (&mut self.commit_failures, other.commit_failures),
            (&mut self.fenced, other.fenced),
            (&mut self.recoveries, other.recoveries),
            (&mut self.consumer_rebuilds, other.consumer_rebuilds),
            (&mut self.imbalances, other.imbalances),
            (&mut self.queued, other.queued),
            (&mut self.memory_bytes, other.memory_bytes),
            (&mut self.partitions_in_trouble, other.partitions_in_trouble),
            (&mut self.state_bytes, other.state_bytes),
            (&mut self.sketch_breaches, other.sketch_breaches),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.stopped |= other.stopped;
        self.commit_p99_us = largest(self.commit_p99_us, other.commit_p99_us);
        self.lag = self.lag.into_iter().chain(other.lag).max();
        self.seen = match (self.seen, other.seen) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
    }
}

fn largest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

/// What an engine shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineNumbers {
    /// Whether the broker is connected.
    pub broker_connected: bool,
    /// Pipelines that run here.
    pub pipelines: u64,
    /// Of them, those that wait for the broker or are parked.
    pub pipelines_in_trouble: u64,
    /// Streams that are watched.
    pub watchers: u64,
    /// Spans left out or lost.
    pub spans_lost: u64,
    /// All pipelines together.
    pub all: Numbers,
}

/// A number that rules may look at.
pub struct AlarmMetric<T> {
    /// As a rule names it.
    pub name: &'static str,
    /// What it counts or measures.
    pub unit: &'static str,
    /// What it means, without a full stop.
    pub help: &'static str,
    pub(super) read: fn(&Looks<'_, T>) -> Option<f64>,
}

/// The first and the last look of a window.
pub(super) struct Looks<'a, T> {
    pub(super) first: &'a T,
    pub(super) last: &'a T,
    seconds: f64,
}

impl<T> Looks<'_, T> {
    pub(super) fn grown(&self, count: fn(&T) -> u64) -> u64 {
        count(self.last).saturating_sub(count(self.first))
    }

    pub(super) fn rate(&self, count: fn(&T) -> u64) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.grown(count) as f64 / self.seconds)
    }

    /// None where nothing came that could have a share.
    pub(super) fn share(&self, part: fn(&T) -> u64, whole: fn(&T) -> u64) -> Option<f64> {
        let whole = self.grown(whole);
        (whole > 0).then(|| self.grown(part) as f64 / whole as f64)
    }
}

/// The looks of the last half minute.
#[derive(Debug)]
pub struct NumbersWindow<T>(VecDeque<(Duration, T)>);

impl<T> Default for NumbersWindow<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> NumbersWindow<T> {
    /// Adds a look. `counted` is a counter that only rises: where it has fallen, an engine has begun anew
    /// or left, and what was before says nothing.
    pub fn look(&mut self, now: Duration, numbers: T, counted: fn(&T) -> u64) {
        if self
            .0
            .back()
            .is_some_and(|(_, last)| counted(&numbers) < counted(last))
        {
            self.0.clear();
        }
        while self.0.len() >= MAX_LOOKS
            || self.0.len() > 1 && self.0.get(1).is_some_and(|(at, _)| *at + WINDOW <= now)
        {
            self.0.pop_front();
        }
        self.0.push_back((now, numbers));
    }

    /// The value of a metric of the table; none while it cannot be told.
    pub fn value(&self, table: &[AlarmMetric<T>], name: &str) -> Option<f64> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let metric = table.iter().find(|metric| metric.name == name)?;
        (metric.read)(&Looks {
            first: &first.1,
            last: &last.1,
            seconds: last.0.saturating_sub(first.0).as_secs_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::tables::PIPELINE;

    fn numbers(events: u64, dead_letters: u64) -> Numbers {
        Numbers {
            events,
            dead_letters,
            ..Numbers::default()
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn rates_and_ratios_are_those_of_the_last_half_minute() {
        let mut window = NumbersWindow::default();
        let look = |window: &mut NumbersWindow<Numbers>, now, n| window.look(at(now), n, |n| n.events);
        look(&mut window, 0, numbers(1_000, 500));
        assert_eq!(window.value(PIPELINE, "events-per-second"), None);
        look(&mut window, 10, numbers(1_100, 510));
        assert_eq!(window.value(PIPELINE, "events-per-second"), Some(10.0));
        assert_eq!(window.value(PIPELINE, "dead-letter-ratio"), Some(0.1));
        for now in 11..100 {
            look(&mut window, now, numbers(1_100, 510));
        }
        assert_eq!(window.value(PIPELINE, "dead-letter-ratio"), None, "no event came");
        assert!(window.0.len() <= 32);
        look(&mut window, 100, numbers(7, 0));
        assert_eq!(window.0.len(), 1, "an engine has begun anew");
    }

    #[test]
    fn what_several_engines_show_is_added_and_the_slowest_counts() {
        let mut one = numbers(10, 1);
        one.commit_p99_us = Some(5_000.0);
        one.seen = Some(9);
        let mut other = numbers(30, 3);
        other.commit_p99_us = Some(80_000.0);
        other.seen = Some(4);
        other.stopped = true;
        one.merge(&other);
        assert_eq!(
            (one.events, one.dead_letters, one.seen, one.stopped),
            (40, 4, Some(4), true)
        );
        let mut window = NumbersWindow::default();
        window.look(at(0), one, |n| n.events);
        assert_eq!(window.value(PIPELINE, "commit-p99"), Some(80.0));
        assert_eq!(window.value(PIPELINE, "lag"), None);
    }
}
