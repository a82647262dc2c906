//! Every metric there is.

use tailrace_core::{
    control::measure::{Measured, MeasuredPipeline, MeasuredTenant},
    pipeline::{
        stats::{AccuracyReport, Latency, StatsReport, StepReport},
        status::{PartitionReport, State},
    },
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
}

/// Where a metric comes from: one number for each set of labels.
pub(super) enum Read {
    /// Of the engine.
    Engine(fn(&Measured) -> Option<u64>),
    /// Of the API.
    Api(fn(&ApiOptions) -> u64),
    /// Of each tenant: the size of its images.
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
pub(super) const STATES: [&str; 7] = [
    "starting",
    "running",
    "waiting",
    "paused",
    "standing-by",
    "parked",
    "stopped",
];

pub(super) fn state_name(state: &State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Running => "running",
        State::Waiting { .. } => "waiting",
        State::Paused { .. } => "paused",
        State::StandingBy { .. } => "standing-by",
        State::Parked { .. } => "parked",
        State::Stopped => "stopped",
    }
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str, read: Read) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit,
        help,
        read,
    }
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str, read: Read) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit,
        help,
        read,
    }
}

fn seconds(latency: &Latency) -> [Option<f64>; 2] {
    [latency.p50_us, latency.p99_us].map(|micros| Some(micros? / 1e6))
}

/// A counter of [`tailrace_core::ledger::Ledger`].
macro_rules! ledger {
    ($field:ident) => {
        Read::Pipeline(|pipeline| Some(pipeline.report.stats.counts.ledger.$field))
    };
}

/// A counter of all the other counts.
macro_rules! counts {
    ($field:ident) => {
        Read::Pipeline(|pipeline| Some(pipeline.report.stats.counts.$field))
    };
}

/// A counter of what surrounds the events.
macro_rules! stats {
    ($field:ident) => {
        Read::Pipeline(|pipeline| Some(pipeline.report.stats.$field))
    };
}

/// In the order in which they are documented: events, steps, commits, input, state, engine.
pub(super) static TABLE: &[Metric] = &[
    counter(
        "events",
        "events",
        "Events whose effects are committed",
        ledger!(events),
    ),
    counter(
        "outputs",
        "messages",
        "Messages published to the output",
        ledger!(outputs),
    ),
    counter(
        "dropped_events",
        "events",
        "Events that a step dropped",
        ledger!(dropped),
    ),
    counter(
        "rejected_events",
        "events",
        "Events that were invalid",
        ledger!(rejected),
    ),
    counter(
        "duplicate_events",
        "events",
        "Events that had come before",
        ledger!(duplicates),
    ),
    counter(
        "shed_events",
        "events",
        "Events that were let go for want of room under a limit",
        ledger!(shed),
    ),
    counter(
        "dead_letters",
        "messages",
        "Dead letters written",
        ledger!(letters),
    ),
    counter(
        "retries",
        "tries",
        "Tries of an event after its first one",
        counts!(retried),
    ),
    counter(
        "traps",
        "calls",
        "Calls of plugins that ended with a trap",
        counts!(traps),
    ),
    counter(
        "fuel",
        "fuel",
        "Fuel used by plugins, about one an instruction",
        counts!(fuel),
    ),
    counter("input_bytes", "bytes", "Payloads that came in", counts!(bytes_in)),
    counter(
        "output_bytes",
        "bytes",
        "Payloads that went out",
        counts!(bytes_out),
    ),
    counter(
        "step_calls",
        "calls",
        "Calls of a step's plugin, those of repeated tries among them",
        Read::Step(|step| step.latency.count),
    ),
    counter(
        "step_fuel",
        "fuel",
        "Fuel used by a step's plugin",
        Read::Step(|step| step.fuel),
    ),
    counter(
        "step_traps",
        "calls",
        "Calls of a step's plugin that ended with a trap",
        Read::Step(|step| step.traps),
    ),
    gauge(
        "step_duration_seconds",
        "seconds",
        "Wall time of a call of a step's plugin, since the engine took the pipeline up",
        Read::StepQuantiles(|step| seconds(&step.latency)),
    ),
    gauge(
        "step_memory_bytes",
        "bytes",
        "Linear memory of a step's instances on this engine, as of their last turns",
        Read::StepMemory,
    ),
    counter("commits", "batches", "Batches committed", stats!(commits)),
    counter(
        "commit_failures",
        "tries",
        "Tries of a commit that failed",
        stats!(commit_failures),
    ),
    counter(
        "fenced_commits",
        "tries",
        "Commits refused because another engine owns the partition",
        stats!(fenced),
    ),
    gauge(
        "commit_duration_seconds",
        "seconds",
        "Time until a commit is stored, since the engine took the pipeline up",
        Read::PipelineQuantiles(|stats| seconds(&stats.commit_latency)),
    ),
    gauge(
        "batch_events",
        "events",
        "Events of a batch, since the engine took the pipeline up",
        Read::PipelineQuantiles(|stats| [stats.batch_size_p50, stats.batch_size_p99]),
    ),
    counter(
        "recoveries",
        "starts",
        "Starts of a partition from what is committed, after a failure",
        stats!(recoveries),
    ),
    counter(
        "imbalances",
        "cuts",
        "Times that the counts of a pipeline did not agree with the broker's",
        Read::Pipeline(|pipeline| Some(pipeline.report.imbalances)),
    ),
    counter(
        "late_sketch_updates",
        "updates",
        "Updates of windowed sketches whose window was gone; they count for all time only",
        counts!(late),
    ),
    counter(
        "sketch_comparisons",
        "comparisons",
        "Windows and groups of a watched sketch that were held against the exact answer",
        Read::Sketch(|accuracy| accuracy.comparisons),
    ),
    counter(
        "sketch_error_breaches",
        "comparisons",
        "Comparisons in which a sketch was further off than it promises",
        Read::Sketch(|accuracy| accuracy.breaches),
    ),
    gauge(
        "sketch_observed_error_ratio",
        "ratio",
        "Greatest error of a watched sketch against the exact answer",
        Read::SketchShare(|accuracy| accuracy.observed_error),
    ),
    gauge(
        "sketch_promised_error_ratio",
        "ratio",
        "The error that the sketch promised in that comparison; where it is a standard deviation, five of them are a breach",
        Read::SketchShare(|accuracy| accuracy.promised_error),
    ),
    gauge(
        "lag",
        "messages",
        "Messages of the input stream behind the slowest partition of this engine, those of other subjects among them",
        Read::Pipeline(|pipeline| pipeline.lag),
    ),
    gauge(
        "read_sequence",
        "sequence",
        "Last sequence of the input that was read",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.read_sequence)),
    ),
    counter(
        "consumer_rebuilds",
        "consumers",
        "Consumers made anew",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.rebuilds)),
    ),
    gauge(
        "position",
        "sequence",
        "Last committed sequence of the input",
        Read::Partition(|partition| partition.position),
    ),
    gauge(
        "queued_events",
        "events",
        "Events that wait in a partition, as of its last turn",
        Read::Partition(|partition| partition.queued),
    ),
    gauge(
        "pipeline_state",
        "",
        "1 for the state that a pipeline is in, 0 for the others",
        Read::State,
    ),
    gauge(
        "pipeline_alarms_firing",
        "alarms",
        "Alarms of a pipeline that fire, on the engine that has its partition 0",
        Read::Pipeline(|pipeline| pipeline.alarms_firing),
    ),
    gauge(
        "limited",
        "",
        "Whether a limit holds events of the pipeline back, or sheds them (1), or none does (0)",
        Read::Pipeline(|pipeline| Some(u64::from(pipeline.report.limited.is_some()))),
    ),
    gauge(
        "store_bytes",
        "bytes",
        "Bytes on disk of a tenant's state, vectors and sketches on this engine",
        Read::Tenant,
    ),
    gauge(
        "tenant_account_connected",
        "",
        "Whether this engine is connected to the NATS account of a tenant that has one of its own",
        Read::OfTenant(|tenant| tenant.account_connected.map(u64::from)),
    ),
    gauge(
        "tenant_state_bytes",
        "bytes",
        "Bytes of keys and values of a tenant's state, over all engines",
        Read::Amount(|tenant| tenant.used.state_bytes),
    ),
    gauge(
        "tenant_state_quota_bytes",
        "bytes",
        "Bytes of state that a tenant may have",
        Read::Amount(|tenant| tenant.quotas.state_bytes),
    ),
    gauge(
        "tenant_vector_bytes",
        "bytes",
        "Bytes of a tenant's vectors, over all engines",
        Read::Amount(|tenant| tenant.used.vector_bytes),
    ),
    gauge(
        "tenant_vector_quota_bytes",
        "bytes",
        "Bytes of vectors that a tenant may have",
        Read::Amount(|tenant| tenant.quotas.vector_bytes),
    ),
    gauge(
        "tenant_compile_seconds",
        "seconds",
        "Seconds of compilation of a tenant's uploads in the last hour, on this engine",
        Read::Amount(|tenant| tenant.used.compile_seconds),
    ),
    gauge(
        "watchers",
        "streams",
        "Taps and logs that are watched",
        Read::Engine(|measured| Some(measured.watchers)),
    ),
    gauge(
        "engine_alarms_firing",
        "alarms",
        "Alarms of this engine that fire",
        Read::Engine(|measured| Some(measured.alarms_firing)),
    ),
    counter(
        "alarm_notices_sent",
        "notices",
        "Notices of alarms that arrived",
        Read::Engine(|measured| Some(measured.notices.sent)),
    ),
    counter(
        "alarm_notices_failed",
        "tries",
        "Tries to send a notice of an alarm that failed",
        Read::Engine(|measured| Some(measured.notices.failed)),
    ),
    counter(
        "alarm_notices_given_up",
        "notices",
        "Notices of alarms that were given up after too many tries",
        Read::Engine(|measured| Some(measured.notices.given_up)),
    ),
    counter(
        "spans_exported",
        "spans",
        "Spans of traces that the collector took",
        Read::Engine(|measured| Some(measured.spans.exported)),
    ),
    counter(
        "spans_dropped",
        "spans",
        "Spans of traces left out for want of room in the queue",
        Read::Engine(|measured| Some(measured.spans.dropped)),
    ),
    counter(
        "spans_failed",
        "spans",
        "Spans of traces that the collector did not take",
        Read::Engine(|measured| Some(measured.spans.failed)),
    ),
    counter(
        "query_cache_hits",
        "queries",
        "Queries answered from the cache",
        Read::Api(|api| api.answers.hits()),
    ),
    counter(
        "query_cache_misses",
        "queries",
        "Queries answered without it",
        Read::Api(|api| api.answers.misses()),
    ),
    gauge(
        "query_cache_bytes",
        "bytes",
        "What the cache of queries holds",
        Read::Api(|api| api.answers.bytes()),
    ),
    gauge(
        "http_connections",
        "connections",
        "Connections of the API",
        Read::Api(|api| api.edge.open() as u64),
    ),
    counter(
        "http_accepted_connections",
        "connections",
        "Connections of the API that were served",
        Read::Api(|api| api.edge.accepted()),
    ),
    counter(
        "http_refused_connections",
        "connections",
        "Connections closed at once, because their address had too many",
        Read::Api(|api| api.edge.refused()),
    ),
    counter(
        "http_closed_connections",
        "connections",
        "Connections closed because no request came in time, or their client broke rules",
        Read::Api(|api| api.edge.closed()),
    ),
    gauge(
        "broker_connected",
        "",
        "Whether the broker is connected (1) or not (0)",
        Read::Engine(|measured| Some(u64::from(measured.broker_connected))),
    ),
    gauge(
        "broker_syncs_always",
        "",
        "Whether the broker writes to its disk before it answers (1) or is lazy (0); left out where it is not known",
        Read::Engine(|measured| measured.broker_syncs_always.map(u64::from)),
    ),
];
