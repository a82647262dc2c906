//! What a pipeline has done since this engine took it up: counters for metrics and status. A batch
//! counts for itself and is added when it is committed, so that nothing uncommitted is ever counted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tailrace_sketch::{Quantiles, SketchError};

use super::reconcile::PartitionCut;
use crate::ledger::Ledger;

/// What the events of a batch, or of all of them, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Fates of the events, and the messages that came of them.
    #[serde(flatten)]
    pub ledger: Ledger,
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
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.ledger.add(&other.ledger);
        self.retried += other.retried;
        self.traps += other.traps;
        self.fuel += other.fuel;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}

/// Counts of a batch, with the latency of its steps.
#[derive(Debug, Clone, Default)]
pub struct BatchStats {
    /// Its counts.
    pub counts: Counts,
    /// Wall time of the batch's calls, by step.
    pub calls: BTreeMap<String, Vec<Duration>>,
    /// Cuts that lie in the batch (see [`super::reconcile`]).
    pub cuts: Vec<PartitionCut>,
}

impl BatchStats {
    /// Notes one call of a step.
    pub fn call(&mut self, step: &str, took: Duration) {
        match self.calls.get_mut(step) {
            Some(calls) => calls.push(took),
            None => drop(self.calls.insert(step.to_owned(), vec![took])),
        }
    }
}

/// All that a pipeline did here.
#[derive(Default)]
pub struct Stats(Mutex<Totals>);

#[derive(Default, Clone)]
struct Totals {
    counts: Counts,
    commits: u64,
    commit_failures: u64,
    fenced: u64,
    recoveries: u64,
    steps: BTreeMap<String, Quantiles>,
    commit_latency: Quantiles,
    batch_sizes: Quantiles,
}

/// A consistent copy, for metrics and status.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StatsReport {
    /// Totals.
    pub counts: Counts,
    /// Batches committed.
    pub commits: u64,
    /// Tries of a commit that failed, whatever the reason.
    pub commit_failures: u64,
    /// Commits refused because another engine owns the partition.
    pub fenced: u64,
    /// Times that a partition was started again from what is committed.
    pub recoveries: u64,
    /// Latency of a call, by step.
    pub steps: BTreeMap<String, Latency>,
    /// Latency of a commit.
    pub commit_latency: Latency,
    /// Median events of a batch.
    pub batch_size_p50: Option<f64>,
}

/// Quantiles of a duration, in microseconds, each within 1 % of the true value.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: Option<f64>,
    /// 99 of 100 are faster.
    pub p99_us: Option<f64>,
}

impl Latency {
    fn of(sketch: &Quantiles) -> Self {
        Self {
            count: sketch.count(),
            p50_us: sketch.quantile(0.5),
            p99_us: sketch.quantile(0.99),
        }
    }
}

impl Stats {
    fn with<T>(&self, act: impl FnOnce(&mut Totals) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a committed batch.
    pub fn committed(&self, batch: &BatchStats, took: Duration) {
        self.with(|totals| {
            totals.counts.add(&batch.counts);
            totals.commits += 1;
            observe(&mut totals.commit_latency, took);
            let _ = totals.batch_sizes.observe(batch.counts.ledger.events as f64);
            for (step, calls) in &batch.calls {
                let sketch = totals.steps.entry(step.clone()).or_default();
                for took in calls {
                    observe(sketch, *took);
                }
            }
        });
    }

    /// A try of a commit failed.
    pub fn commit_failed(&self) {
        self.with(|totals| totals.commit_failures += 1);
    }

    /// A commit was fenced.
    pub fn fenced(&self) {
        self.with(|totals| totals.fenced += 1);
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
                .map(|(step, sketch)| (step.clone(), Latency::of(sketch)))
                .collect(),
            commit_latency: Latency::of(&totals.commit_latency),
            batch_size_p50: totals.batch_sizes.quantile(0.5),
            counts: totals.counts,
            commits: totals.commits,
            commit_failures: totals.commit_failures,
            fenced: totals.fenced,
            recoveries: totals.recoveries,
        }
    }
}

fn observe(sketch: &mut Quantiles, took: Duration) {
    let observed: Result<(), SketchError> = sketch.observe(took.as_secs_f64() * 1e6);
    debug_assert!(observed.is_ok(), "a duration is finite");
}
