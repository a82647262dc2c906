//! `/metrics`: what all pipelines did, made at each scrape from their counters. Names and units follow
//! Prometheus' conventions; labels are names that the registry bounds, never anything of an event.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tailrace_core::{
    identity::PipelineId,
    pipeline::{
        engine::Overview,
        stats::Latency,
        status::{State, StatusReport},
    },
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPipeline {
    tenant: String,
    pipeline: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPart {
    tenant: String,
    pipeline: String,
    /// A step, a partition, a quantile or a state.
    part: String,
    quantile: String,
}

type Counters = Family<OfPipeline, Counter>;
type Gauges = Family<OfPart, Gauge<f64, AtomicU64>>;

/// The text of a scrape.
pub(crate) fn render(overview: &Overview) -> String {
    let mut registry = Registry::with_prefix("tailrace");
    let all: Vec<(PipelineId, StatusReport)> = overview
        .all()
        .into_iter()
        .map(|(id, status)| (id, status.report()))
        .collect();
    counters(&mut registry, &all);
    gauges(&mut registry, &all);
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        tracing::error!("metrics cannot be written");
    }
    text
}

fn of(id: &PipelineId) -> OfPipeline {
    OfPipeline {
        tenant: id.tenant.to_string(),
        pipeline: id.pipeline.to_string(),
    }
}

fn counters(registry: &mut Registry, all: &[(PipelineId, StatusReport)]) {
    type Read = fn(&StatusReport) -> u64;
    let table: [(&str, &str, Read); 15] = [
        ("events", "Events whose effects are committed", |r| {
            r.stats.counts.events
        }),
        ("outputs", "Messages published to the output", |r| {
            r.stats.counts.outputs
        }),
        ("dropped_events", "Events that a step dropped", |r| {
            r.stats.counts.dropped
        }),
        ("rejected_events", "Events that were invalid", |r| {
            r.stats.counts.rejected
        }),
        ("dead_letters", "Dead letters written", |r| r.stats.counts.dead),
        ("retries", "Tries after a first one", |r| r.stats.counts.retried),
        ("traps", "Plugins stopped by a trap", |r| r.stats.counts.traps),
        ("fuel", "Fuel used by plugins", |r| r.stats.counts.fuel),
        ("input_bytes", "Bytes of payloads that came in", |r| {
            r.stats.counts.bytes_in
        }),
        ("output_bytes", "Bytes of payloads that went out", |r| {
            r.stats.counts.bytes_out
        }),
        ("commits", "Batches committed", |r| r.stats.commits),
        ("commit_failures", "Tries of a commit that failed", |r| {
            r.stats.commit_failures
        }),
        (
            "fenced_commits",
            "Commits refused because another engine owns the partition",
            |r| r.stats.fenced,
        ),
        (
            "recoveries",
            "Starts of a pipeline from what is committed after a failure",
            |r| r.stats.recoveries,
        ),
        ("consumer_rebuilds", "Consumers made anew", |r| r.input.rebuilds),
    ];
    for (name, help, read) in table {
        let family = Counters::default();
        for (id, report) in all {
            family
                .get_or_create(&of(id))
                .inner()
                .store(read(report), Ordering::Relaxed);
        }
        registry.register(name, help, family);
    }
}

fn gauges(registry: &mut Registry, all: &[(PipelineId, StatusReport)]) {
    let (steps, commits, positions, running) = (
        Gauges::default(),
        Gauges::default(),
        Gauges::default(),
        Gauges::default(),
    );
    for (id, report) in all {
        for (step, latency) in &report.stats.steps {
            set_latency(&steps, id, step, latency);
        }
        set_latency(&commits, id, "commit", &report.stats.commit_latency);
        for partition in &report.partitions {
            set(
                &positions,
                id,
                &partition.partition.to_string(),
                "",
                partition.position as f64,
            );
        }
        set(
            &running,
            id,
            "",
            "",
            f64::from(u8::from(report.state == State::Running)),
        );
    }
    registry.register(
        "step_duration_seconds",
        "Wall time of a plugin's call, by step (part) and quantile",
        steps,
    );
    registry.register(
        "commit_duration_seconds",
        "Time until a commit is stored, by quantile",
        commits,
    );
    registry.register(
        "position",
        "Last committed sequence of the input, by partition (part)",
        positions,
    );
    registry.register(
        "pipeline_running",
        "1 where a pipeline runs, 0 where it waits, is paused or parked",
        running,
    );
}

fn set_latency(family: &Gauges, id: &PipelineId, part: &str, latency: &Latency) {
    for (quantile, micros) in [("0.5", latency.p50_us), ("0.99", latency.p99_us)] {
        if let Some(micros) = micros {
            set(family, id, part, quantile, micros / 1e6);
        }
    }
}

fn set(family: &Gauges, id: &PipelineId, part: &str, quantile: &str, value: f64) {
    let OfPipeline { tenant, pipeline } = of(id);
    let labels = OfPart {
        tenant,
        pipeline,
        part: part.to_owned(),
        quantile: quantile.to_owned(),
    };
    family.get_or_create(&labels).set(value);
}
