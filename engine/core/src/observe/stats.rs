//! What a pipeline has done since this engine took it up: counters for metrics and status. A batch
//! counts for itself and is added when it is committed, so that nothing uncommitted is ever counted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tailrace_sketch::{Comparison, Quantiles, SketchError};

use crate::{
    name::Name,
    observe::{barrier::PartitionBarrier, histogram::Histogram, times::TimeNotes},
    outcome::OutcomeCounters,
};

/// What the events of a batch, or of all of them, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Counts {
    /// Outcomes of the events, and the messages that came of them.
    #[serde(flatten)]
    pub outcomes: OutcomeCounters,
    /// Tries after a first one.
    pub retried: u64,
    /// Plugins stopped by a trap.
    pub traps: u64,
    /// Fuel used.
    pub fuel: u64,
    /// Bytes of payloads that came in.
    pub bytes_in: u64,
    /// Bytes of payloads that went out.
    pub bytes_out: u64,
    /// Delete markers and schedules that were passed over; they count as dropped events too.
    pub markers: u64,
    /// Events behind the watermark.
    pub late: u64,
    /// Events whose time is later than the broker can have received them, and is not believed.
    pub ahead: u64,
    /// Values that a sketch could not measure: missing, `null`, or no number where one is measured.
    pub skipped: u64,
    /// Updates of windowed sketches that came when their window was gone; they count for all time.
    pub late_updates: u64,
    /// Timers of plugins that fired.
    pub timers: u64,
    /// Timers of steps that the pipeline no longer has.
    pub timers_lost: u64,
    /// Rows of tables that were taken in, or deleted.
    pub table_rows: u64,
    /// Pairs of events that joins have put together.
    pub joined: u64,
    /// Events without a partner that joins have told.
    pub unmatched: u64,
    /// Events that joins have kept in vain: their join is declared no longer, or otherwise, or their row is too large.
    pub joins_lost: u64,
    /// Results of windows.
    pub window_results: u64,
    /// Events whose windows were over, once for each kind of window.
    pub window_late: u64,
    /// Parts of windows that ended without a result: their window is declared no longer, or otherwise.
    pub windows_lost: u64,
}

impl Counts {
    /// Messages were taken back that have been counted since then; what was done for them was done.
    pub fn take_back_messages(&mut self, before: &Self) {
        self.outcomes.outputs = before.outcomes.outputs;
        self.outcomes.letters = before.outcomes.letters;
        self.bytes_out = before.bytes_out;
        self.window_results = before.window_results;
        self.joined = before.joined;
        self.unmatched = before.unmatched;
    }

    /// Takes in what another has counted.
    pub fn add(&mut self, other: &Self) {
        self.outcomes.add(&other.outcomes);
        self.retried += other.retried;
        self.traps += other.traps;
        self.fuel += other.fuel;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.markers += other.markers;
        self.late += other.late;
        self.ahead += other.ahead;
        self.skipped += other.skipped;
        self.late_updates += other.late_updates;
        self.timers += other.timers;
        self.timers_lost += other.timers_lost;
        self.table_rows += other.table_rows;
        self.joined += other.joined;
        self.unmatched += other.unmatched;
        self.joins_lost += other.joins_lost;
        self.window_results += other.window_results;
        self.window_late += other.window_late;
        self.windows_lost += other.windows_lost;
    }
}

/// Counts of a batch, with the latency of its steps.
#[derive(Debug, Clone, Default)]
pub struct BatchStats {
    /// Its counts.
    pub counts: Counts,
    /// The times of its events.
    pub times: TimeNotes,
    /// The batch's calls, by step; those of an event that was taken back are among them.
    pub calls: BTreeMap<String, StepCalls>,
    /// Barriers that lie in the batch (see [`crate::observe::reconcile`]).
    pub barriers: Vec<PartitionBarrier>,
}

/// The calls of a step in a batch.
#[derive(Debug, Clone, Default)]
pub struct StepCalls {
    /// Wall time of each.
    pub took: Vec<Duration>,
    /// Fuel of all.
    pub fuel: u64,
    /// How many ended with a trap.
    pub traps: u64,
}

impl BatchStats {
    /// Counts one call of a step.
    pub fn call(&mut self, step: &str, took: Duration, fuel: u64, trapped: bool) {
        let calls = match self.calls.get_mut(step) {
            Some(calls) => calls,
            None => self.calls.entry(step.to_owned()).or_default(),
        };
        calls.took.push(took);
        calls.fuel += fuel;
        calls.traps += u64::from(trapped);
    }
}

/// Steps that are counted by name: those of four revisions that have none in common. Beyond that the
/// steps that no longer run are forgotten, for each is a series of every metric by step.
const MAX_STEPS: usize = 64;

/// Sketches whose accuracy is counted by name: those of two revisions that have none in common.
const MAX_SKETCHES: usize = 64;

/// All that a pipeline did here.
#[derive(Default)]
pub struct Stats(Mutex<Totals>);

#[derive(Default, Clone)]
struct Totals {
    counts: Counts,
    times: TimeNotes,
    commits: u64,
    commit_failures: u64,
    fenced: u64,
    recoveries: u64,
    steps: BTreeMap<String, StepTotals>,
    accuracy: BTreeMap<Name, AccuracyReport>,
    commit_latency: Durations,
    batch_sizes: Quantiles,
    swap_pauses: Durations,
}

#[derive(Default, Clone)]
struct StepTotals {
    took: Durations,
    fuel: u64,
    traps: u64,
}

/// Durations, told in two ways: quantiles of this engine, and counts that add up over engines.
#[derive(Default, Clone)]
struct Durations {
    sketch: Quantiles,
    histogram: Histogram,
}

impl Durations {
    fn observe(&mut self, took: Duration) {
        let observed: Result<(), SketchError> = self.sketch.observe(took.as_secs_f64() * 1e6);
        debug_assert!(observed.is_ok(), "a duration is finite");
        self.histogram.observe(took);
    }

    fn report(&self) -> Latency {
        Latency {
            histogram: self.histogram.clone(),
            ..Latency::of(&self.sketch)
        }
    }
}

/// A consistent copy, for metrics and status.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct StatsReport {
    /// Totals.
    pub counts: Counts,
    /// The times of the events.
    pub times: TimeNotes,
    /// Batches committed.
    pub commits: u64,
    /// Tries of a commit that failed, whatever the reason.
    pub commit_failures: u64,
    /// Commits refused because another engine owns the partition.
    pub fenced: u64,
    /// Times that a partition was started again from what is committed.
    pub recoveries: u64,
    /// The calls, by step.
    pub steps: BTreeMap<String, StepReport>,
    /// How the sketches whose accuracy is watched keep their promises.
    pub accuracy: BTreeMap<Name, AccuracyReport>,
    /// Latency of a commit.
    pub commit_latency: Latency,
    /// Median events of a batch.
    pub batch_size_p50: Option<f64>,
    /// 99 of 100 batches have fewer events.
    pub batch_size_p99: Option<f64>,
    /// How long a partition began no event, for the sake of another revision.
    pub swap_pause: Latency,
}

/// A sketch held against the exact answers (see `tailrace_dataplane::observe::accuracy`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct AccuracyReport {
    /// Comparisons.
    pub comparisons: u64,
    /// Greatest error that was observed.
    pub observed_error: f64,
    /// The error that was promised then.
    pub promised_error: f64,
    /// Comparisons in which the promise was broken.
    pub breaches: u64,
}

/// The calls of a step.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct StepReport {
    /// How long they took.
    #[serde(flatten)]
    pub latency: Latency,
    /// Fuel that they used.
    pub fuel: u64,
    /// How many ended with a trap.
    pub traps: u64,
}

/// Quantiles of a duration, in microseconds, each within 1 % of the true value.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: Option<f64>,
    /// 99 of 100 are faster.
    pub p99_us: Option<f64>,
    /// The same in buckets, for metrics.
    #[serde(skip)]
    pub histogram: Histogram,
}

impl Latency {
    /// Of a sketch of microseconds.
    pub(super) fn of(sketch: &Quantiles) -> Self {
        Self {
            count: sketch.count(),
            p50_us: sketch.quantile(0.5),
            p99_us: sketch.quantile(0.99),
            histogram: Histogram::default(),
        }
    }
}

impl StepReport {
    fn of(totals: &StepTotals) -> Self {
        Self {
            latency: totals.took.report(),
            fuel: totals.fuel,
            traps: totals.traps,
        }
    }
}

impl Stats {
    fn with<T>(&self, act: impl FnOnce(&mut Totals) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a committed batch; gives the warnings that are due to it and were not before.
    pub fn committed(&self, batch: &BatchStats, took: Duration) -> Vec<String> {
        self.with(|totals| {
            let before = totals.times.warnings().len();
            totals.counts.add(&batch.counts);
            totals.times.add(&batch.times);
            totals.commits += 1;
            totals.commit_latency.observe(took);
            let _ = totals.batch_sizes.observe(batch.counts.outcomes.events as f64);
            for (step, calls) in &batch.calls {
                let step = totals.steps.entry(step.clone()).or_default();
                step.fuel += calls.fuel;
                step.traps += calls.traps;
                for took in &calls.took {
                    step.took.observe(*took);
                }
            }
            if totals.steps.len() > MAX_STEPS {
                totals.steps.retain(|step, _| batch.calls.contains_key(step));
            }
            let warnings = totals.times.warnings();
            if warnings.len() > before {
                warnings
            } else {
                Vec::new()
            }
        })
    }

    /// A try of a commit failed.
    pub fn commit_failed(&self) {
        self.with(|totals| totals.commit_failures += 1);
    }

    /// Sketches were held against exact answers.
    pub fn compared(&self, comparisons: &[(Name, Comparison)]) {
        if comparisons.is_empty() {
            return;
        }
        self.with(|totals| {
            for (sketch, comparison) in comparisons {
                if totals.accuracy.len() >= MAX_SKETCHES && !totals.accuracy.contains_key(sketch) {
                    totals.accuracy.clear();
                }
                let report = totals.accuracy.entry(sketch.clone()).or_default();
                report.comparisons += 1;
                report.breaches += u64::from(comparison.is_breach);
                if report.comparisons == 1 || comparison.observed > report.observed_error {
                    report.observed_error = comparison.observed;
                    report.promised_error = comparison.promised;
                }
            }
        });
    }

    /// A commit was fenced.
    pub fn fenced(&self) {
        self.with(|totals| totals.fenced += 1);
    }

    /// A partition has taken up another revision, and began no event so long for its sake.
    pub fn swapped(&self, pause: Duration) {
        self.with(|totals| totals.swap_pauses.observe(pause));
    }

    /// A partition was started again.
    pub fn recovered(&self) {
        self.with(|totals| totals.recoveries += 1);
    }

    /// Tries after a first one, counted at once because a retried event is not committed yet.
    pub fn retried(&self) {
        self.with(|totals| totals.counts.retried += 1);
    }

    /// A copy.
    pub fn report(&self) -> StatsReport {
        let totals = self.with(|totals| totals.clone());
        StatsReport {
            steps: totals
                .steps
                .iter()
                .map(|(step, totals)| (step.clone(), StepReport::of(totals)))
                .collect(),
            accuracy: totals.accuracy.clone(),
            commit_latency: totals.commit_latency.report(),
            batch_size_p50: totals.batch_sizes.quantile(0.5),
            batch_size_p99: totals.batch_sizes.quantile(0.99),
            swap_pause: totals.swap_pauses.report(),
            counts: totals.counts,
            times: totals.times,
            commits: totals.commits,
            commit_failures: totals.commit_failures,
            fenced: totals.fenced,
            recoveries: totals.recoveries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_error_is_kept_beside_what_was_promised_then() {
        let stats = Stats::default();
        let name = Name::new("amounts").unwrap();
        for (observed, is_breach) in [(0.004, false), (0.02, true), (0.001, false)] {
            let comparison = Comparison {
                observed,
                promised: 0.01,
                is_breach,
            };
            stats.compared(&[(name.clone(), comparison)]);
        }
        let expected = AccuracyReport {
            comparisons: 3,
            observed_error: 0.02,
            promised_error: 0.01,
            breaches: 1,
        };
        assert_eq!(stats.report().accuracy[&name], expected);
    }

    #[test]
    fn steps_of_revisions_that_are_gone_are_forgotten_before_they_are_too_many() {
        let stats = Stats::default();
        for revision in 0..1_000 {
            let mut batch = BatchStats::default();
            batch.call("always", Duration::from_micros(5), 10, true);
            batch.call(&format!("step-{revision}"), Duration::from_micros(5), 1, false);
            stats.committed(&batch, Duration::from_millis(1));
        }
        let report = stats.report();
        assert!(report.steps.len() <= MAX_STEPS);
        let always = &report.steps["always"];
        assert_eq!(
            (always.latency.count, always.fuel, always.traps),
            (1_000, 10_000, 1_000)
        );
    }
}
