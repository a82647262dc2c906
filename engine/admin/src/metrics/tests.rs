//! The page, the documented table and the dashboard say the same.

use std::collections::BTreeSet;

use tailrace_control::{alarms::reports::NoticeCounts, query::measure::MeasuredTenant, usage::Used};
use tailrace_core::{
    identity::PipelineId,
    name::Name,
    observe::{
        stats::{AccuracyReport, Latency, StepReport},
        status::{PartitionReport, PipelineStatus},
    },
    ports::tracer::SpanCounts,
    registry::Quotas,
};

use super::{
    documented::{exposed, labels},
    *,
};

/// A pipeline of which everything is known.
fn measured() -> Measured {
    let name = |text: &str| Name::new(text).unwrap();
    let mut report = PipelineStatus::default().report();
    let mut histogram = Histogram::default();
    for millis in [1, 2, 60_000] {
        histogram.observe(std::time::Duration::from_millis(millis));
    }
    let latency = Latency {
        count: 3,
        p50_us: Some(1_500.0),
        p99_us: None,
        histogram,
    };
    let step = StepReport {
        latency: latency.clone(),
        fuel: 77,
        traps: 1,
    };
    report.stats.steps.insert("rank".to_owned(), step);
    let accuracy = AccuracyReport {
        comparisons: 3,
        observed_error: 0.004,
        promised_error: 0.01,
        breaches: 1,
    };
    report.stats.accuracy.insert(name("amounts"), accuracy);
    report.stats.swap_pause = latency.clone();
    report.stats.commit_latency = latency;
    report.stats.batch_size_p50 = Some(12.0);
    report.memory_bytes.insert(name("rank"), 65_536);
    report.partitions.push(PartitionReport {
        owner: None,
        partition: 2,
        commit: 1,
        position: 9,
        seen: 9,
        queued: 4,
        trouble: None,
    });
    let id = PipelineId {
        tenant: name("shop"),
        pipeline: name("clicks"),
    };
    Measured {
        pipelines: vec![MeasuredPipeline {
            id,
            report,
            lag: Some(5),
            alarms_firing: Some(1),
        }],
        store_bytes: [(name("shop"), 4_096)].into(),
        tenants: vec![MeasuredTenant {
            name: name("shop"),
            used: Used {
                state_bytes: 7,
                ..Used::default()
            },
            quotas: Quotas::default(),
            account_connected: Some(true),
        }],
        broker_connected: true,
        data_folder_full: true,
        altered_streams: 2,
        broker_syncs_always: Some(false),
        watchers: 2,
        spans: SpanCounts::default(),
        notices: NoticeCounts::default(),
        alarms_firing: 0,
        parts: tailrace_core::ports::store::PartCounts::default(),
        reclaimed: tailrace_core::ports::store::ReclaimCounts::default(),
    }
}

fn file(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[test]
fn the_page_bears_every_metric_with_the_labels_of_the_table_and_no_other() {
    let text = render(&measured(), &ApiOptions::default());
    for metric in table() {
        let mut name = exposed(metric);
        if metric.kind == Kind::Histogram {
            name += "_bucket";
        }
        let mut series = text
            .lines()
            .filter_map(|line| line.strip_prefix(&name))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .peekable();
        assert!(series.peek().is_some(), "{name} is missing:\n{text}");
        for rest in series {
            let inside = rest
                .strip_prefix('{')
                .map_or("", |rest| rest.split_once('}').unwrap().0);
            // The encoder writes the bound of a bucket first.
            let names: BTreeSet<_> = inside
                .split(',')
                .filter_map(|label| Some(label.split_once('=')?.0))
                .collect();
            let expected = labels(metric).split(", ").filter(|label| !label.is_empty());
            assert_eq!(names, expected.collect(), "{name}");
        }
    }
    let known: BTreeSet<String> = table().map(exposed).collect();
    assert_eq!(known.len(), table().count(), "no name is there twice");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.iter().find_map(|part| name.strip_suffix(part));
        let is_known = known.contains(name) || whole.is_some_and(|name| known.contains(name));
        assert!(is_known, "{line} is not in the table");
    }
}

#[test]
fn values_and_units_are_as_they_were_measured() {
    let text = render(&measured(), &ApiOptions::default());
    let of = "tenant=\"shop\",pipeline=\"clicks\"";
    for line in [
        "# UNIT tailrace_step_duration_seconds seconds".to_owned(),
        "# UNIT tailrace_input_bytes bytes".to_owned(),
        format!("tailrace_step_duration_seconds{{{of},step=\"rank\",quantile=\"0.5\"}} 0.0015"),
        "# TYPE tailrace_step_call_seconds histogram".to_owned(),
        format!("tailrace_step_call_seconds_bucket{{le=\"0.0025\",{of},step=\"rank\"}} 2"),
        format!("tailrace_step_call_seconds_bucket{{le=\"+Inf\",{of},step=\"rank\"}} 3"),
        format!("tailrace_step_call_seconds_count{{{of},step=\"rank\"}} 3"),
        format!("tailrace_commit_seconds_sum{{{of}}} 60.003"),
        format!("tailrace_step_calls_total{{{of},step=\"rank\"}} 3"),
        format!("tailrace_step_fuel_total{{{of},step=\"rank\"}} 77"),
        format!("tailrace_step_memory_bytes{{{of},step=\"rank\"}} 65536"),
        format!("tailrace_position{{{of},partition=\"2\"}} 9"),
        format!("tailrace_queued_events{{{of},partition=\"2\"}} 4"),
        format!("tailrace_lag{{{of}}} 5"),
        format!("tailrace_pipeline_state{{{of},state=\"starting\"}} 1"),
        "tailrace_store_bytes{tenant=\"shop\"} 4096".to_owned(),
        "tailrace_tenant_state_bytes{tenant=\"shop\"} 7".to_owned(),
        "tailrace_broker_syncs_always 0".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(!text.contains("0.99"), "what was not measured is not shown");
}

#[test]
fn what_the_broker_does_not_tell_is_left_out() {
    let mut measured = measured();
    measured.broker_syncs_always = None;
    measured.pipelines[0].lag = None;
    let text = render(&measured, &ApiOptions::default());
    for name in ["tailrace_lag", "tailrace_broker_syncs_always"] {
        assert!(!text.lines().any(|line| line.starts_with(name)), "{name}");
    }
}

#[test]
fn names_follow_the_conventions() {
    for metric in table() {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(metric.name.chars().all(plain), "{}", metric.name);
        assert!(
            !metric.name.ends_with("_total"),
            "{}: the encoder adds it",
            metric.name
        );
        assert!(
            !metric.help.ends_with('.'),
            "{}: the encoder adds it",
            metric.name
        );
        if let "seconds" | "bytes" = metric.unit {
            assert!(
                metric.name.ends_with(metric.unit),
                "{}: {}",
                metric.name,
                metric.unit
            );
        }
    }
}

/// The names of metrics in a query.
fn named(query: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    query
        .split(|c: char| !word(c))
        .filter(|part| part.starts_with("tailrace_"))
        .collect()
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist_with_labels_that_they_bear() {
    let text = std::fs::read_to_string(file("examples/grafana/tailrace.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() >= 10, "{queries:?}");
    for query in queries {
        let names = named(query);
        assert!(!names.is_empty(), "{query}");
        for name in names {
            let metric = table().find(|metric| exposed(metric) == name);
            let metric = metric.unwrap_or_else(|| panic!("{name} does not exist: {query}"));
            for label in ["step", "partition", "quantile", "state", "pipeline"] {
                let asked = query.contains(&format!("{label}=")) || query.contains(&format!("{label})"));
                assert!(
                    !asked || labels(metric).contains(label),
                    "{name} bears no {label}: {query}"
                );
            }
        }
    }
    let shown: BTreeSet<_> = named(&text);
    for needed in [
        "tailrace_events_total",
        "tailrace_lag",
        "tailrace_commit_duration_seconds",
        "tailrace_dead_letters_total",
        "tailrace_step_memory_bytes",
    ] {
        assert!(shown.contains(needed), "{needed}");
    }
}

/// Every text under `expr` or `query`.
fn collect<'a>(value: &'a serde_json::Value, queries: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "expr" => queries.push(text),
                    _ => collect(field, queries),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
        _ => {}
    }
}
