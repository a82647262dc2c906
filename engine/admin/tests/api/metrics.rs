//! What Prometheus scrapes: behind an operator's token unless the operator opens it, and labelled with
//! names that the registry bounds.

use axum::http::StatusCode;
use tailrace_admin::ApiOptions;

use crate::stage::{OPERATOR, Stage};

#[tokio::test]
async fn metrics_are_the_operators_unless_they_are_public() {
    let stage = Stage::set().await;
    assert_eq!(
        stage.ask("GET", "/metrics", &[], "").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        stage.ask("GET", "/metrics", &[&stage.shop], "").await.status,
        StatusCode::NOT_FOUND
    );
    let answer = stage.ok("GET", "/metrics", "").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(answer.body.ends_with(b"# EOF\n"));
    let accept = [
        ("authorization", format!("Bearer {OPERATOR}")),
        ("accept", "text/plain;version=0.0.4".to_owned()),
    ];
    let before = stage.send_with("GET", "/metrics", accept, "").await;
    assert!(
        before
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(before.header("vary"), "accept");
    let before = String::from_utf8(before.body).unwrap();
    assert!(
        before.contains("# TYPE tailrace_alarm_notices_sent_total counter\n"),
        "{before}"
    );
    assert!(
        !before.contains("# UNIT") && !before.contains("# EOF"),
        "{before}"
    );
    let open = Stage::with(ApiOptions {
        metrics_public: true,
        ..ApiOptions::default()
    })
    .await;
    assert_eq!(open.ask("GET", "/metrics", &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_pipeline_shows_its_counters_and_its_state() {
    let mut stage = Stage::set().await;
    stage.start_engine();
    let text = loop {
        let answer = stage.ask("GET", "/metrics", &[OPERATOR], "").await;
        let text = String::from_utf8(answer.body).unwrap();
        // The engine takes the pipeline up in its own time, and then waits for a broker.
        if text.contains("state=\"waiting\"} 1") {
            break text;
        }
        tokio::task::yield_now().await;
    };
    let labels = "tenant=\"shop\",pipeline=\"clicks\"";
    for line in [
        format!("tailrace_events_total{{{labels}}} 0"),
        format!("tailrace_consumer_rebuilds_total{{{labels}}} 0"),
        format!("tailrace_pipeline_state{{{labels},state=\"running\"}} 0"),
        "# TYPE tailrace_input_bytes counter".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}
