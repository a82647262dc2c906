//! Spans to a collector, in OTLP over HTTP (protobuf). The library batches, encodes and sends on a thread
//! of its own; what is ours is the bound of the queue, for its own counts nothing, and the HTTP client, for
//! there is one in the tree already.
//!
//! Invariant: recording a span never waits. The limiter lets in as many spans as the library's queue holds,
//! so none is lost behind it.

mod client;
mod span_limiter;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _},
};
use tailrace_core::{
    ports::tracer::{Attribute, SpanCounts, SpanRecord, Tracer},
    trace::sampling::Sampling,
};

use self::{
    client::Client,
    span_limiter::{LimitedExporter, SpanLimiter},
};
use crate::config::TracesConfig;

/// Spans that wait for the collector: about 16 MiB, and 20 s of 400 a second while it is away.
const QUEUE: usize = 8_192;
/// Spans of one request: below the 4 MiB that collectors take by default.
const BATCH: usize = 512;
/// Longest that a span waits for company.
const DELAY: Duration = Duration::from_secs(1);
/// Longest that an engine which ends waits for the collector.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
/// Where collectors take traces.
const PATH: &str = "/v1/traces";

/// Sends spans to a collector.
#[derive(Debug)]
pub struct Traces {
    sampling: Sampling,
    limiter: Arc<SpanLimiter>,
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

impl Traces {
    /// As configured; none where no collector is named.
    pub fn start(config: &TracesConfig) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(None);
        };
        anyhow::ensure!(
            (0.0..=1.0).contains(&config.ratio),
            "traces.ratio is {}: use a share between 0 and 1",
            config.ratio
        );
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address(endpoint)?)
            .build()
            .with_context(|| format!("cannot send traces to {endpoint}"))?;
        let limiter = Arc::new(SpanLimiter::new(QUEUE));
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let mut processor = BatchSpanProcessor::builder(LimitedExporter::new(exporter, limiter.clone()))
            .with_batch_config(batches)
            .build();
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        processor.set_resource(&resource);
        Ok(Some(Arc::new(Self {
            sampling: Sampling::ratio(config.ratio),
            limiter,
            processor,
            scope: InstrumentationScope::builder("tailrace").build(),
        })))
    }

    /// Sends what waits, and ends. Blocks for a few seconds at most.
    pub fn stop(&self) {
        if let Err(cause) = self.processor.shutdown_with_timeout(FLUSH_WITHIN) {
            tracing::warn!(%cause, "the last spans could not be sent to the collector");
        }
    }
}

impl Tracer for Traces {
    fn sampling(&self) -> Option<Sampling> {
        Some(self.sampling)
    }

    fn record(&self, span: SpanRecord) {
        if self.limiter.enter() {
            self.processor.on_end(data(span, self.scope.clone()));
        }
    }

    fn counts(&self) -> SpanCounts {
        self.limiter.counts()
    }
}

/// The collector's address with the path for traces, where it has none.
fn address(endpoint: &str) -> anyhow::Result<String> {
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.starts_with(scheme));
    anyhow::ensure!(
        is_http,
        "traces.endpoint {endpoint:?} is no HTTP address: write http://collector:4318"
    );
    let base = endpoint.trim_end_matches('/');
    Ok(if base.ends_with(PATH) {
        base.to_owned()
    } else {
        format!("{base}{PATH}")
    })
}

/// A span in the library's terms.
fn data(span: SpanRecord, scope: InstrumentationScope) -> SpanData {
    let state = span
        .state
        .as_deref()
        .and_then(|state| state.parse::<TraceState>().ok());
    let began = SystemTime::UNIX_EPOCH + span.began;
    let attribute = |(name, value)| match value {
        Attribute::Text(text) => KeyValue::new(name, text),
        Attribute::Number(number) => KeyValue::new(name, i64::try_from(number).unwrap_or(i64::MAX)),
    };
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(span.trace_id),
            SpanId::from(span.span_id),
            TraceFlags::SAMPLED,
            false,
            state.unwrap_or_default(),
        ),
        parent_span_id: span.parent_id.map_or(SpanId::INVALID, SpanId::from),
        parent_span_is_remote: span.has_remote_parent,
        span_kind: if span.is_consumer {
            SpanKind::Consumer
        } else {
            SpanKind::Internal
        },
        name: span.name.into(),
        start_time: began,
        end_time: began + span.took,
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.failure.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_added_where_it_is_missing() {
        for (given, expected) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
        ] {
            assert_eq!(address(given).unwrap(), expected);
        }
        assert!(address("collector:4317").is_err());
    }

    #[test]
    fn without_a_collector_nothing_is_traced_and_a_share_above_one_is_refused() {
        let config = TracesConfig::default();
        assert!(Traces::start(&config).unwrap().is_none());
        let wrong = TracesConfig {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ratio: 1.5,
            ..config
        };
        assert!(Traces::start(&wrong).is_err());
    }
}
