//! A publisher's trace through a pipeline: passed through where nothing is exported, followed into
//! spans of ours where a collector is named.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as Attribute,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use serde_json::json;
use tailrace_nats::async_nats;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch, OPERATOR},
    stand_in::StandIn,
};

use crate::{Stage, probe};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Publishes an event with this context.
async fn publish(cluster: &Cluster, user: &str, parent: Option<&str>) -> anyhow::Result<u64> {
    let mut headers = async_nats::HeaderMap::new();
    if let Some(parent) = parent {
        headers.insert("Traceparent", parent);
    }
    let event = json!({ "user": user }).to_string();
    let sent = cluster
        .jetstream
        .publish_with_headers("shop.events.x", headers, event.into())
        .await?;
    Ok(sent.await?.sequence)
}

/// The context of what a user's event became.
async fn context_of_output(cluster: &Cluster, user: &str) -> anyhow::Result<Option<String>> {
    let own = cluster.jetstream.get_stream("TR_shop_traced").await?;
    let output = own
        .get_last_raw_message_by_subject(&format!("shop.traced.{user}"))
        .await?;
    Ok(output.headers.get("traceparent").map(ToString::to_string))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_a_publishers_trace_is_passed_through() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("traced", &probe("traced", 1, "")).await?;
    for (user, parent, expected) in [
        ("u1", Some(PARENT), Some(PARENT)),
        ("u2", Some("00-nonsense"), None),
        ("u3", None, None),
    ] {
        let last = publish(&stage.cluster, user, parent).await?;
        stage.engine.caught_up("traced", last).await?;
        let found = context_of_output(&stage.cluster, user).await?;
        assert_eq!(found.as_deref(), expected, "{user}");
    }
    Ok(())
}

fn spans(collector: &StandIn) -> anyhow::Result<Vec<Span>> {
    let mut spans = Vec::new();
    for taken in collector.taken() {
        assert_eq!(taken.path, "/v1/traces");
        assert_eq!(taken.header("content-type"), Some("application/x-protobuf"));
        for resource in ExportTraceServiceRequest::decode(&*taken.body)?.resource_spans {
            let about = resource.resource.unwrap_or_default().attributes;
            let service = about.into_iter().find(|about| about.key == "service.name");
            let name = service.and_then(|about| about.value?.value);
            assert_eq!(name, Some(Attribute::StringValue("streams".to_owned())));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    Ok(spans)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn says(span: &Span, key: &str) -> Option<Attribute> {
    let found = span.attributes.iter().find(|about| about.key == key);
    found?.value.clone()?.value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_tree_of_a_recorded_trace_and_outputs_bear_its_context() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let collector = StandIn::start()?;
    let launch = Launch::on(&cluster)
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .with("OTEL_SERVICE_NAME", "streams")
        .with("TAILRACE_TRACES__RATIO", "0.0");
    let mut engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("traced", &probe("traced", 1, "")).await?;
    let not_recorded = PARENT.replace("-01", "-00");
    publish(&cluster, "u1", None).await?;
    publish(&cluster, "u2", Some(&not_recorded)).await?;
    let last = publish(&cluster, "u3", Some(PARENT)).await?;
    engine.caught_up("traced", last).await?;
    assert_eq!(context_of_output(&cluster, "u1").await?, None);
    assert_eq!(context_of_output(&cluster, "u2").await?, Some(not_recorded));
    let context = context_of_output(&cluster, "u3").await?.unwrap_or_default();
    // The end of the engine sends what waits.
    assert_eq!(engine.terminate().await?, 0, "{}", engine.log());
    let all = spans(&collector)?;
    let found: BTreeMap<&str, &Span> = all.iter().map(|span| (span.name.as_str(), span)).collect();
    let names: Vec<_> = found.keys().copied().collect();
    assert_eq!(names, ["commit", "consume", "event", "step"], "{all:#?}");
    assert_eq!(all.len(), 4, "only the recorded trace is followed: {all:#?}");
    for span in &all {
        assert_eq!(hex(&span.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    let (consume, event) = (found["consume"], found["event"]);
    assert_eq!(hex(&consume.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(consume.kind, SpanKind::Consumer as i32);
    assert_eq!(event.parent_span_id, consume.span_id);
    for child in ["step", "commit"] {
        assert_eq!(found[child].parent_span_id, event.span_id, "{child}");
    }
    assert_eq!(
        says(consume, "tailrace.tenant"),
        Some(Attribute::StringValue("shop".to_owned()))
    );
    assert_eq!(
        says(event, "tailrace.sequence"),
        Some(Attribute::IntValue(last as i64))
    );
    let expected = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", hex(&event.span_id));
    assert_eq!(context, expected, "our span is the parent of what comes after");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_the_pipeline_nothing_and_is_counted() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let collector = StandIn::start()?;
    collector.answer("503 Service Unavailable");
    let launch = Launch::on(&cluster)
        .with("TAILRACE_TRACES__ENDPOINT", collector.url())
        .with("TAILRACE_TRACES__RATIO", "1.0");
    let engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("traced", &probe("traced", 1, "")).await?;
    // Four spans each: more than the queue holds.
    let event = |number: u64| json!({ "user": format!("u{}", number % 50) }).to_string();
    cluster.publish("shop.events.x", (0..5_000).map(event)).await?;
    engine.caught_up("traced", 5_000).await?;
    eventually("every span is accounted for", || async {
        let page = engine.ask("GET", "/metrics", OPERATOR, "").await;
        let count = |kind: &str| -> Option<u64> {
            let name = format!("tailrace_spans_{kind}_total ");
            let text = &page.as_ref().ok()?.text;
            text.lines()
                .find_map(|line| line.strip_prefix(&name))?
                .parse()
                .ok()
        };
        count("exported") == Some(0)
            && count("dropped").zip(count("failed")).map(|(a, b)| a + b) == Some(20_000)
    })
    .await?;
    Ok(())
}
