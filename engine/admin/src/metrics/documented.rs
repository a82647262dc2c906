//! The rows of the table as the reference shows them: the name as Prometheus has it, and the labels.

use super::{
    metric::{Kind, Metric, Read},
    table::table,
};

/// A metric as it is documented.
pub(crate) struct Documented {
    /// As Prometheus has it.
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: &'static str,
    /// What it counts or measures.
    pub(crate) unit: &'static str,
    /// Names of its labels, separated by commas.
    pub(crate) labels: &'static str,
    /// What it means.
    pub(crate) help: &'static str,
}

/// All metrics in the order of the table.
pub(crate) fn documented() -> impl Iterator<Item = Documented> {
    table().map(|metric| Documented {
        name: exposed(metric),
        kind: match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        },
        unit: metric.unit,
        labels: labels(metric),
        help: metric.help,
    })
}

/// The name as Prometheus has it.
pub(super) fn exposed(metric: &Metric) -> String {
    let end = if metric.kind == Kind::Counter {
        "_total"
    } else {
        ""
    };
    format!("tailrace_{}{end}", metric.name)
}

/// Names of the labels, separated by commas.
pub(super) fn labels(metric: &Metric) -> &'static str {
    match metric.read {
        Read::Engine(_) | Read::Api(_) => "",
        Read::Tenant | Read::Amount(_) | Read::OfTenant(_) => "tenant",
        Read::PipelineHistogram(_) => "tenant, pipeline, le",
        Read::StepHistogram(_) => "tenant, pipeline, step, le",
        Read::Pipeline(_) => "tenant, pipeline",
        Read::PipelineQuantiles(_) => "tenant, pipeline, quantile",
        Read::Step(_) | Read::StepMemory => "tenant, pipeline, step",
        Read::StepQuantiles(_) => "tenant, pipeline, step, quantile",
        Read::Sketch(_) | Read::SketchShare(_) => "tenant, pipeline, sketch",
        Read::Partition(_) => "tenant, pipeline, partition",
        Read::State => "tenant, pipeline, state",
    }
}
