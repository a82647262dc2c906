//! `/metrics`: what all pipelines did, made at each scrape from their counters. Names and units follow
//! Prometheus' conventions; labels are names that the registry bounds, never anything of an event.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
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
struct OfStep {
    #[prometheus(flatten)]
    of: OfPipeline,
    step: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPartition {
    #[prometheus(flatten)]
    of: OfPipeline,
    partition: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfState {
    #[prometheus(flatten)]
    of: OfPipeline,
    state: &'static str,
}

/// A quantile of whatever `L` labels.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Quantile<L> {
    of: L,
    quantile: &'static str,
}

impl<L: EncodeLabelSet> EncodeLabelSet for Quantile<L> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.of.encode(encoder)?;
        ("quantile", self.quantile).encode(encoder.encode_label())
    }
}

type Counters = Family<OfPipeline, Counter>;
type Seconds<L> = Family<Quantile<L>, Gauge<f64, AtomicU64>>;
type Reports = [(OfPipeline, StatusReport)];

/// Every state that a pipeline can be in; the one it is in has the value 1.
const STATES: [&str; 7] = [
    "starting",
    "running",
    "waiting",
    "paused",
    "standing-by",
    "parked",
    "stopped",
];

/// The text of a scrape.
pub(crate) fn render(overview: &Overview) -> String {
    let reports: Vec<_> = overview
        .all()
        .into_iter()
        .map(|(id, status)| (of(&id), status.report()))
        .collect();
    page(&reports, overview.broker_syncs_always())
}

fn page(reports: &Reports, broker_syncs_always: Option<bool>) -> String {
    let mut registry = Registry::with_prefix("tailrace");
    counters(&mut registry, reports);
    steps(&mut registry, reports);
    commits(&mut registry, reports);
    positions(&mut registry, reports);
    states(&mut registry, reports);
    if let Some(always) = broker_syncs_always {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::from(always));
        let help = "Whether the broker writes to its disk before it answers (1) or is lazy (0)";
        registry.register("broker_syncs_always", help, gauge);
    }
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

fn counters(registry: &mut Registry, reports: &Reports) {
    type Read = fn(&StatusReport) -> u64;
    let table: [(&str, &str, Read); 17] = [
        ("events", "Events whose effects are committed", |r| {
            r.stats.counts.ledger.events
        }),
        ("outputs", "Messages published to the output", |r| {
            r.stats.counts.ledger.outputs
        }),
        ("dropped_events", "Events that a step dropped", |r| {
            r.stats.counts.ledger.dropped
        }),
        ("rejected_events", "Events that were invalid", |r| {
            r.stats.counts.ledger.rejected
        }),
        ("dead_letters", "Dead letters written", |r| {
            r.stats.counts.ledger.letters
        }),
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
            "Starts from what is committed after a failure",
            |r| r.stats.recoveries,
        ),
        ("consumer_rebuilds", "Consumers made anew", |r| r.input.rebuilds),
        ("duplicate_events", "Events that had come before", |r| {
            r.stats.counts.ledger.duplicates
        }),
        (
            "imbalances",
            "Times that the counts of a pipeline did not agree with the broker's",
            |r| r.imbalances,
        ),
    ];
    for (name, help, read) in table {
        let family = Counters::default();
        for (of, report) in reports {
            store(&family.get_or_create(of), read(report));
        }
        registry.register(name, help, family);
    }
}

fn steps(registry: &mut Registry, reports: &Reports) {
    let (calls, durations) = (Family::<OfStep, Counter>::default(), Seconds::<OfStep>::default());
    for (of, report) in reports {
        for (step, latency) in &report.stats.steps {
            let of = OfStep {
                of: of.clone(),
                step: step.clone(),
            };
            store(&calls.get_or_create(&of), latency.count);
            set_latency(&durations, &of, latency);
        }
    }
    registry.register("step_calls", "Calls of a step's plugin", calls);
    let help = "Wall time of a call of a step's plugin, since the engine took the pipeline up";
    registry.register_with_unit("step_duration", help, Unit::Seconds, durations);
}

fn commits(registry: &mut Registry, reports: &Reports) {
    let durations = Seconds::<OfPipeline>::default();
    for (of, report) in reports {
        set_latency(&durations, of, &report.stats.commit_latency);
    }
    let help = "Time until a commit is stored, since the engine took the pipeline up";
    registry.register_with_unit("commit_duration", help, Unit::Seconds, durations);
}

fn positions(registry: &mut Registry, reports: &Reports) {
    let read = Family::<OfPipeline, Gauge>::default();
    let positions = Family::<OfPartition, Gauge>::default();
    for (of, report) in reports {
        read.get_or_create(of).set(report.input.read_sequence as i64);
        for partition in &report.partitions {
            let of = OfPartition {
                of: of.clone(),
                partition: partition.partition,
            };
            positions.get_or_create(&of).set(partition.position as i64);
        }
    }
    registry.register("read_sequence", "Last sequence of the input that was read", read);
    registry.register("position", "Last committed sequence of the input", positions);
}

fn states(registry: &mut Registry, reports: &Reports) {
    let family = Family::<OfState, Gauge>::default();
    for (of, report) in reports {
        for state in STATES {
            let is_it = name(&report.state) == state;
            family
                .get_or_create(&OfState {
                    of: of.clone(),
                    state,
                })
                .set(i64::from(is_it));
        }
    }
    registry.register("pipeline_state", "1 for the state that a pipeline is in", family);
}

fn name(state: &State) -> &'static str {
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

fn store(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

fn set_latency<L>(family: &Seconds<L>, of: &L, latency: &Latency)
where
    L: Clone + std::hash::Hash + Eq,
{
    for (quantile, micros) in [("0.5", latency.p50_us), ("0.99", latency.p99_us)] {
        if let Some(micros) = micros {
            let labels = Quantile {
                of: of.clone(),
                quantile,
            };
            family.get_or_create(&labels).set(micros / 1e6);
        }
    }
}

#[cfg(test)]
mod tests {
    use tailrace_core::pipeline::status::{PartitionReport, PipelineStatus};

    use super::*;

    #[test]
    fn latencies_and_positions_bear_step_quantile_and_partition() {
        let mut report = PipelineStatus::default().report();
        let latency = Latency {
            count: 3,
            p50_us: Some(1_500.0),
            p99_us: None,
        };
        report.stats.steps.insert("rank".to_owned(), latency);
        report.partitions.push(PartitionReport {
            owner: None,
            partition: 2,
            commit: 1,
            position: 9,
            seen: 9,
            trouble: None,
        });
        let of = OfPipeline {
            tenant: "shop".to_owned(),
            pipeline: "clicks".to_owned(),
        };
        let text = page(&[(of, report)], Some(false));
        let labels = "tenant=\"shop\",pipeline=\"clicks\"";
        for line in [
            "# UNIT tailrace_step_duration_seconds seconds".to_owned(),
            format!("tailrace_step_duration_seconds{{{labels},step=\"rank\",quantile=\"0.5\"}} 0.0015"),
            format!("tailrace_step_calls_total{{{labels},step=\"rank\"}} 3"),
            format!("tailrace_position{{{labels},partition=\"2\"}} 9"),
            format!("tailrace_pipeline_state{{{labels},state=\"starting\"}} 1"),
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        assert!(!text.contains("0.99"), "what was not measured is not shown");
    }
}
