//! Metrics of pipelines and tenants: events, steps, commits, sketches, input, state.

use tailrace_core::pipeline::stats::Latency;

use crate::metrics::metric::{Metric, Read, counter, gauge};

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
    gauge(
        "swap_pause_seconds",
        "seconds",
        "Time in which a partition began no event, for the sake of another revision, since the engine took the pipeline up",
        Read::PipelineQuantiles(|stats| seconds(&stats.swap_pause)),
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
        "Whether a limit, or rest after stopped calls, holds events of the pipeline back, or sheds them (1), or nothing does (0)",
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
];
