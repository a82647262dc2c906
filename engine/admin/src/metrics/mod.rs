//! `/metrics`: what all pipelines did, made at each scrape from their counters. Names and units follow
//! Prometheus' conventions; labels are names that the registry bounds, never anything of an event.
//!
//! Every metric is a row of [`table::table`]: the answer, the page of the reference and the check of the
//! dashboard are made from it, so none of them can say anything else.

#[cfg(test)]
mod documented;
mod exposition;
mod histograms;
mod metric;
mod table;

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(test)]
pub(crate) use documented::documented;
pub(crate) use exposition::Exposition;
use histograms::Histograms;
use metric::{Kind, Metric, QUANTILES, Read, STATES, state_name};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Metric as Registered, Registry, Unit},
};
use table::table;
use tailrace_control::query::measure::{Measured, MeasuredPipeline};
use tailrace_core::observe::histogram::Histogram;

use crate::ApiOptions;

/// Names and values.
type Labels = Vec<(&'static str, String)>;

/// The text of a scrape.
pub(crate) fn render(measured: &Measured, api: &ApiOptions) -> String {
    let mut registry = Registry::with_prefix("tailrace");
    for metric in table() {
        if let Read::Engine(read) = metric.read {
            let Some(value) = read(measured) else {
                continue;
            };
            if metric.kind == Kind::Counter {
                let counter: Counter = Counter::default();
                counter.inner().store(value, Ordering::Relaxed);
                register(&mut registry, metric, counter);
            } else {
                let gauge: Gauge = Gauge::default();
                gauge.set(value as i64);
                register(&mut registry, metric, gauge);
            }
        } else if let (Read::Api(read), Kind::Gauge) = (&metric.read, metric.kind) {
            let gauge: Gauge = Gauge::default();
            gauge.set(read(api) as i64);
            register(&mut registry, metric, gauge);
        } else if let Read::Api(read) = metric.read {
            let counter: Counter = Counter::default();
            counter.inner().store(read(api), Ordering::Relaxed);
            register(&mut registry, metric, counter);
        } else if metric.kind == Kind::Histogram {
            register(&mut registry, metric, Histograms(buckets(metric, measured)));
        } else if let Some(series) = quantiles(metric, measured) {
            let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
            for (labels, value) in series {
                family.get_or_create(&labels).set(value);
            }
            register(&mut registry, metric, family);
        } else if metric.kind == Kind::Counter {
            let family = Family::<Labels, Counter>::default();
            for (labels, value) in whole(metric, measured) {
                family
                    .get_or_create(&labels)
                    .inner()
                    .store(value, Ordering::Relaxed);
            }
            register(&mut registry, metric, family);
        } else {
            let family = Family::<Labels, Gauge>::default();
            for (labels, value) in whole(metric, measured) {
                family.get_or_create(&labels).set(value as i64);
            }
            register(&mut registry, metric, family);
        }
    }
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        tracing::error!("metrics cannot be written");
    }
    text
}

/// Under its name, with its unit where that is a part of the name.
fn register(registry: &mut Registry, metric: &Metric, family: impl Registered) {
    let unit = match metric.unit {
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        _ => None,
    };
    let stem = metric.name.strip_suffix(metric.unit);
    match unit.zip(stem) {
        // The encoder puts the unit behind the stem again.
        Some((unit, stem)) => {
            registry.register_with_unit(stem.trim_end_matches('_'), metric.help, unit, family);
        }
        None => registry.register(metric.name, metric.help, family),
    }
}

fn of(pipeline: &MeasuredPipeline) -> Labels {
    vec![
        ("tenant", pipeline.id.tenant.to_string()),
        ("pipeline", pipeline.id.pipeline.to_string()),
    ]
}

/// These labels and one more.
fn with(mut labels: Labels, name: &'static str, value: &impl ToString) -> Labels {
    labels.push((name, value.to_string()));
    labels
}

/// The labelled series of a metric of whole numbers.
fn whole(metric: &Metric, measured: &Measured) -> Vec<(Labels, u64)> {
    let pipelines = measured.pipelines.iter();
    match metric.read {
        Read::Tenant => {
            let tenants = measured.store_bytes.iter();
            tenants
                .map(|(tenant, bytes)| (vec![("tenant", tenant.to_string())], *bytes))
                .collect()
        }
        Read::Amount(read) => {
            let tenants = measured.tenants.iter();
            tenants
                .map(|tenant| (vec![("tenant", tenant.name.to_string())], read(tenant)))
                .collect()
        }
        Read::OfTenant(read) => {
            let tenants = measured.tenants.iter();
            tenants
                .filter_map(|tenant| Some((vec![("tenant", tenant.name.to_string())], read(tenant)?)))
                .collect()
        }
        Read::Pipeline(read) => pipelines
            .filter_map(|pipeline| Some((of(pipeline), read(pipeline)?)))
            .collect(),
        Read::Step(read) => pipelines
            .flat_map(|pipeline| {
                let steps = pipeline.report.stats.steps.iter();
                steps.map(move |(name, step)| (with(of(pipeline), "step", name), read(step)))
            })
            .collect(),
        Read::StepMemory => pipelines
            .flat_map(|pipeline| {
                let steps = pipeline.report.memory_bytes.iter();
                steps.map(move |(step, bytes)| (with(of(pipeline), "step", step), *bytes))
            })
            .collect(),
        Read::Sketch(read) => pipelines
            .flat_map(|pipeline| {
                let sketches = pipeline.report.stats.accuracy.iter();
                sketches.map(move |(name, accuracy)| (with(of(pipeline), "sketch", name), read(accuracy)))
            })
            .collect(),
        Read::Partition(read) => pipelines
            .flat_map(|pipeline| {
                let partitions = pipeline.report.partitions.iter();
                partitions.map(move |partition| {
                    let labels = with(of(pipeline), "partition", &partition.partition);
                    (labels, read(partition))
                })
            })
            .collect(),
        Read::State => pipelines
            .flat_map(|pipeline| {
                let now = state_name(&pipeline.report.state);
                STATES.map(|state| (with(of(pipeline), "state", &state), u64::from(state == now)))
            })
            .collect(),
        Read::Engine(_)
        | Read::Api(_)
        | Read::PipelineHistogram(_)
        | Read::StepHistogram(_)
        | Read::PipelineQuantiles(_)
        | Read::StepQuantiles(_)
        | Read::SketchShare(_) => Vec::new(),
    }
}

/// The series of a histogram. What was never measured is not shown.
fn buckets(metric: &Metric, measured: &Measured) -> Vec<(Labels, Histogram)> {
    let mut series: Vec<(Labels, Histogram)> = Vec::new();
    for pipeline in &measured.pipelines {
        let stats = &pipeline.report.stats;
        match metric.read {
            Read::PipelineHistogram(read) => series.push((of(pipeline), read(stats).histogram.clone())),
            Read::StepHistogram(read) => {
                let steps = stats.steps.iter();
                series.extend(steps.map(|(name, step)| {
                    let labels = with(of(pipeline), "step", name);
                    (labels, read(step).histogram.clone())
                }));
            }
            _ => {}
        }
    }
    series.retain(|(_, histogram)| histogram.count() > 0);
    series
}

/// The series of a metric of quantiles or shares; none where it is another kind of metric.
fn quantiles(metric: &Metric, measured: &Measured) -> Option<Vec<(Labels, f64)>> {
    let mut series = Vec::new();
    if let Read::SketchShare(read) = metric.read {
        for pipeline in &measured.pipelines {
            let sketches = pipeline.report.stats.accuracy.iter();
            let share = |(name, accuracy)| (with(of(pipeline), "sketch", name), read(accuracy));
            series.extend(sketches.map(share));
        }
        return Some(series);
    }
    let mut add = |labels: Labels, values: [Option<f64>; 2]| {
        for (quantile, value) in QUANTILES.into_iter().zip(values) {
            // What was not measured is not shown.
            series.extend(value.map(|value| (with(labels.clone(), "quantile", &quantile), value)));
        }
    };
    for pipeline in &measured.pipelines {
        let stats = &pipeline.report.stats;
        match metric.read {
            Read::PipelineQuantiles(read) => add(of(pipeline), read(stats)),
            Read::StepQuantiles(read) => {
                for (name, step) in &stats.steps {
                    add(with(of(pipeline), "step", name), read(step));
                }
            }
            _ => {}
        }
    }
    let is_one = matches!(metric.read, Read::PipelineQuantiles(_) | Read::StepQuantiles(_));
    is_one.then_some(series)
}

#[cfg(test)]
mod tests;
