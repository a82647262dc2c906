//! Histograms that were counted elsewhere, as the encoder takes them.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};
use tailrace_core::observe::histogram::Histogram;

/// A series: its labels with their values, and its counts.
type Series = (Vec<(&'static str, String)>, Histogram);

/// The series of one metric.
#[derive(Debug)]
pub(super) struct Histograms(pub(super) Vec<Series>);

impl EncodeMetric for Histograms {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (labels, histogram) in &self.0 {
            let mut series = encoder.encode_family(labels)?;
            let (sum, count) = (histogram.sum_seconds(), histogram.count());
            series.encode_histogram::<NoLabelSet>(sum, count, &histogram.buckets(), None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
