//! What a metric is made of.

use tailrace_control::query::measure::{Measured, MeasuredPipeline, MeasuredTenant};
use tailrace_core::observe::{
    stats::{AccuracyReport, Latency, StatsReport, StepReport},
    status::{PartitionReport, State},
};

use crate::ApiOptions;

/// A metric.
pub(super) struct Metric {
    /// Without `tailrace_`, and without the `_total` of a counter.
    pub(super) name: &'static str,
    /// How it moves.
    pub(super) kind: Kind,
    /// What it counts or measures.
    pub(super) unit: &'static str,
    /// What it means, without a full stop.
    pub(super) help: &'static str,
    /// Where it comes from, which says its labels too.
    pub(super) read: Read,
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Up only; from 0 again when an engine takes the pipeline up.
    Counter,
    /// Up and down.
    Gauge,
    /// Counts in buckets, each of which goes up only.
    Histogram,
}

/// Where a metric comes from: one number for each set of labels.
pub(super) enum Read {
    /// Of the engine.
    Engine(fn(&Measured) -> Option<u64>),
    /// Of the API.
    Api(fn(&ApiOptions) -> u64),
    /// Of each tenant: the size of its local state stores.
    Tenant,
    /// Of each tenant: what it has, or may have.
    Amount(fn(&MeasuredTenant) -> u64),
    /// Of each tenant of which there is something to tell.
    OfTenant(fn(&MeasuredTenant) -> Option<u64>),
    /// Of each pipeline.
    Pipeline(fn(&MeasuredPipeline) -> Option<u64>),
    /// Of each pipeline, for each of [`QUANTILES`].
    PipelineQuantiles(fn(&StatsReport) -> [Option<f64>; 2]),
    /// Of each step.
    Step(fn(&StepReport) -> u64),
    /// Of each step: the memory of its instances.
    StepMemory,
    /// Of each step, for each of [`QUANTILES`].
    StepQuantiles(fn(&StepReport) -> [Option<f64>; 2]),
    /// Of each pipeline, in buckets.
    PipelineHistogram(fn(&StatsReport) -> &Latency),
    /// Of each step, in buckets.
    StepHistogram(fn(&StepReport) -> &Latency),
    /// Of each sketch whose accuracy is watched.
    Sketch(fn(&AccuracyReport) -> u64),
    /// The same, a share.
    SketchShare(fn(&AccuracyReport) -> f64),
    /// Of each partition.
    Partition(fn(&PartitionReport) -> u64),
    /// Of each pipeline, for each of [`STATES`].
    State,
}

/// The quantiles that are shown, as labels.
pub(super) const QUANTILES: [&str; 2] = ["0.5", "0.99"];

/// Every state that a pipeline can be in; the one it is in has the value 1.
pub(super) const STATES: [&str; 11] = [
    "starting",
    "running",
    "degraded",
    "waiting",
    "paused",
    "standing-by",
    "parked",
    "creating",
    "deleting",
    "unreadable",
    "stopped",
];

pub(super) fn state_name(state: &State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Running => "running",
        State::Degraded { .. } => "degraded",
        State::Waiting { .. } => "waiting",
        State::Paused { .. } => "paused",
        State::StandingBy { .. } => "standing-by",
        State::Parked { .. } => "parked",
        State::Creating => "creating",
        State::Deleting => "deleting",
        State::Unreadable { .. } => "unreadable",
        State::Stopped => "stopped",
    }
}

pub(super) const fn counter(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: Read,
) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit,
        help,
        read,
    }
}

pub(super) const fn gauge(name: &'static str, unit: &'static str, help: &'static str, read: Read) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit,
        help,
        read,
    }
}

pub(super) const fn histogram(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        unit: "seconds",
        help,
        read,
    }
}
