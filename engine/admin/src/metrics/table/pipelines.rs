//! Metrics of pipelines and tenants: events, steps, commits, sketches, input, state.

use tailrace_core::observe::stats::Latency;

use crate::metrics::metric::{Metric, Read, counter, gauge, histogram};

fn seconds(latency: &Latency) -> [Option<f64>; 2] {
    [latency.p50_us, latency.p99_us].map(|micros| Some(micros? / 1e6))
}

/// A counter of [`tailrace_core::outcome::OutcomeCounters`].
macro_rules! outcomes {
    ($field:ident) => {
        Read::Pipeline(|pipeline| Some(pipeline.report.stats.counts.outcomes.$field))
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
        outcomes!(events),
    ),
    counter(
        "outputs",
        "messages",
        "Messages published to the output",
        outcomes!(outputs),
    ),
    counter(
        "dropped_events",
        "events",
        "Events that a step dropped",
        outcomes!(dropped),
    ),
    counter(
        "rejected_events",
        "events",
        "Events that a plugin or the intake rejected",
        outcomes!(rejected),
    ),
    counter(
        "duplicate_events",
        "events",
        "Duplicate events",
        outcomes!(duplicates),
    ),
    counter(
        "shed_events",
        "events",
        "Events that a rate limit shed",
        outcomes!(shed),
    ),
    counter(
        "dead_letters",
        "messages",
        "Dead letters written",
        outcomes!(letters),
    ),
    counter("retries", "tries", "Retries of events", counts!(retried)),
    counter(
        "traps",
        "calls",
        "Plugin calls that ended with a trap",
        counts!(traps),
    ),
    counter(
        "fuel",
        "fuel",
        "Fuel used by plugins, about one unit for each instruction",
        counts!(fuel),
    ),
    counter(
        "input_bytes",
        "bytes",
        "Bytes of the payloads that came in",
        counts!(bytes_in),
    ),
    counter(
        "output_bytes",
        "bytes",
        "Bytes of the payloads that went out",
        counts!(bytes_out),
    ),
    counter(
        "step_calls",
        "calls",
        "Calls of a step's plugin, including those of retries",
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
        "Wall time of a call of a step's plugin, since the engine started the pipeline",
        Read::StepQuantiles(|step| seconds(&step.latency)),
    ),
    histogram(
        "step_call_seconds",
        "Wall time of a call of a step's plugin",
        Read::StepHistogram(|step| &step.latency),
    ),
    gauge(
        "step_memory_bytes",
        "bytes",
        "Linear memory of a step's instances on this engine, after their last turns",
        Read::StepMemory,
    ),
    counter("commits", "batches", "Batches committed", stats!(commits)),
    counter(
        "commit_failures",
        "tries",
        "Failed tries of a commit",
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
        "Time until a commit is stored, since the engine started the pipeline",
        Read::PipelineQuantiles(|stats| seconds(&stats.commit_latency)),
    ),
    histogram(
        "commit_seconds",
        "Time until a commit is stored",
        Read::PipelineHistogram(|stats| &stats.commit_latency),
    ),
    gauge(
        "batch_events",
        "events",
        "Events in a batch, since the engine started the pipeline",
        Read::PipelineQuantiles(|stats| [stats.batch_size_p50, stats.batch_size_p99]),
    ),
    gauge(
        "swap_pause_seconds",
        "seconds",
        "Pause of a partition while it changed to another revision, since the engine started the pipeline",
        Read::PipelineQuantiles(|stats| seconds(&stats.swap_pause)),
    ),
    histogram(
        "swap_seconds",
        "Pause of a partition while it changed to another revision",
        Read::PipelineHistogram(|stats| &stats.swap_pause),
    ),
    counter(
        "recoveries",
        "starts",
        "Restarts of a partition from its last commit after a failure",
        stats!(recoveries),
    ),
    counter(
        "imbalances",
        "cuts",
        "Reconciliations in which the counts of a pipeline did not agree with the broker's",
        Read::Pipeline(|pipeline| Some(pipeline.report.imbalances)),
    ),
    counter(
        "late_events",
        "events",
        "Events behind the watermark",
        counts!(late),
    ),
    counter(
        "ahead_events",
        "events",
        "Events whose time was not believed because it was later than the broker's receive time by more than `input.watermark.ahead`",
        counts!(ahead),
    ),
    gauge(
        "watermark_milliseconds",
        "milliseconds",
        "Watermark of the pipeline's input on this engine, since 1970; 0 before the first event",
        Read::Pipeline(|pipeline| {
            Some(
                pipeline
                    .report
                    .input
                    .clock
                    .as_ref()
                    .map_or(0, |clock| clock.watermark_ms),
            )
        }),
    ),
    counter(
        "skipped_sketch_values",
        "values",
        "Values that a sketch could not measure: missing, `null`, or no number where one is measured",
        counts!(skipped),
    ),
    counter(
        "late_sketch_updates",
        "updates",
        "Updates of windowed sketches whose window was gone. They count for all time only",
        counts!(late_updates),
    ),
    counter(
        "joined_pairs",
        "pairs",
        "Pairs of events that joins have put together",
        counts!(joined),
    ),
    counter(
        "unmatched_events",
        "events",
        "Events without a partner that joins have told",
        counts!(unmatched),
    ),
    counter(
        "lost_join_events",
        "events",
        "Events that joins have kept in vain: their join is declared no longer, or otherwise, or the broker takes no message of that size",
        counts!(joins_lost),
    ),
    counter(
        "window_results",
        "messages",
        "Results of windows",
        counts!(window_results),
    ),
    counter(
        "late_window_events",
        "events",
        "Events whose windows were over, once for each of them",
        counts!(window_late),
    ),
    counter(
        "lost_windows",
        "windows",
        "Parts of windows that ended without a result: their window is declared no longer, or otherwise, or the broker takes no message of that size",
        counts!(windows_lost),
    ),
    counter(
        "table_rows",
        "rows",
        "Rows of tables that the pipeline took in, or deleted",
        counts!(table_rows),
    ),
    counter(
        "refused_table_rows",
        "messages",
        "Messages of tables that are no rows, and that the pipeline passed over",
        Read::Pipeline(|pipeline| {
            let tables = pipeline.report.tables.values();
            Some(tables.map(|table| table.refused).sum())
        }),
    ),
    counter(
        "timers",
        "timers",
        "Timers of plugins that fired",
        counts!(timers),
    ),
    counter(
        "lost_timers",
        "timers",
        "Timers that were due when the pipeline had their step no more",
        counts!(timers_lost),
    ),
    counter(
        "sketch_comparisons",
        "comparisons",
        "Windows and groups of a watched sketch that were compared with the exact answer",
        Read::Sketch(|accuracy| accuracy.comparisons),
    ),
    counter(
        "sketch_error_breaches",
        "comparisons",
        "Comparisons in which the error of a sketch was greater than promised",
        Read::Sketch(|accuracy| accuracy.breaches),
    ),
    gauge(
        "sketch_observed_error_ratio",
        "ratio",
        "Greatest error of a watched sketch in a comparison with the exact answer",
        Read::SketchShare(|accuracy| accuracy.observed_error),
    ),
    gauge(
        "sketch_promised_error_ratio",
        "ratio",
        "Error that the sketch promised in that comparison. If it is a standard deviation, five of them are a breach",
        Read::SketchShare(|accuracy| accuracy.promised_error),
    ),
    counter(
        "skipped_markers",
        "messages",
        "Delete markers and schedules in the input that the pipeline skipped. They count as dropped events too",
        counts!(markers),
    ),
    counter(
        "unreadable_times",
        "events",
        "Events with a time at `input.time` that the engine could not read",
        Read::Pipeline(|pipeline| Some(pipeline.report.stats.times.unreadable)),
    ),
    gauge(
        "lag",
        "messages",
        "Events of the pipeline's subjects that this engine has still to process",
        Read::Pipeline(|pipeline| pipeline.lag),
    ),
    counter(
        "input_lost",
        "events",
        "Events that the input stream dropped before they were processed",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.lost)),
    ),
    counter(
        "input_possibly_lost",
        "events",
        "Events that the input stream dropped unread, and that may have been this pipeline's",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.possibly_lost)),
    ),
    counter(
        "input_unassigned",
        "events",
        "Events whose subject names no partition of the pipeline, and that no engine reads",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.unassigned)),
    ),
    gauge(
        "read_sequence",
        "sequence",
        "Last sequence of the input that the engine read",
        Read::Pipeline(|pipeline| Some(pipeline.report.input.read_sequence)),
    ),
    counter(
        "consumer_rebuilds",
        "consumers",
        "Consumers that the engine created again",
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
        "Events that wait in a partition, after its last turn",
        Read::Partition(|partition| partition.queued),
    ),
    gauge(
        "pipeline_state",
        "",
        "1 for the current state of a pipeline, 0 for the other states",
        Read::State,
    ),
    gauge(
        "pipeline_alarms_firing",
        "alarms",
        "Firing alarms of a pipeline, on the engine that owns its partition 0",
        Read::Pipeline(|pipeline| pipeline.alarms_firing),
    ),
    gauge(
        "limited",
        "",
        "1 while a rate limit or the backoff after stopped calls throttles the pipeline or sheds its events, else 0",
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
        "1 while this engine is connected to the tenant's own NATS account, else 0",
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
        "Quota of a tenant's state",
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
        "Quota of a tenant's vectors",
        Read::Amount(|tenant| tenant.quotas.vector_bytes),
    ),
    gauge(
        "tenant_compile_seconds",
        "seconds",
        "Time that compiling a tenant's uploads took in the last hour, on this engine",
        Read::Amount(|tenant| tenant.used.compile_seconds),
    ),
];
