//! The flow as a picture: each format with its type, and nothing but what is asked for.

use axum::http::StatusCode;

use crate::stage::Stage;

const OF_PIPELINE: &str = "/v1/tenants/shop/pipelines/clicks/graph";
const OF_TENANT: &str = "/v1/tenants/shop/graph";

#[tokio::test]
async fn a_pipeline_is_drawn_with_its_steps_in_each_format() {
    let stage = Stage::set().await;
    let graph = stage.ok("GET", OF_PIPELINE, "").await.json();
    let nodes = graph["nodes"].as_array().unwrap();
    let step = nodes.iter().find(|node| node["kind"] == "step").unwrap();
    assert_eq!(
        (&step["id"], &step["plugin"], &step["version"]),
        (&"step/clicks/count".into(), &"counter".into(), &"1.0.0".into())
    );
    for (format, kind, begins) in [
        ("mermaid", "text/vnd.mermaid; charset=utf-8", "flowchart LR\n"),
        ("dot", "text/vnd.graphviz; charset=utf-8", "digraph flow {\n"),
    ] {
        let answer = stage
            .ok("GET", &format!("{OF_PIPELINE}?format={format}"), "")
            .await;
        assert_eq!(answer.header("content-type"), kind);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            text.starts_with(begins) && text.contains("counter@1.0.0"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_tenants_picture_shows_steps_only_when_asked() {
    let stage = Stage::set().await;
    let steps = |graph: serde_json::Value| {
        let nodes = graph["nodes"].as_array().unwrap().clone();
        nodes.iter().filter(|node| node["kind"] == "step").count()
    };
    assert_eq!(steps(stage.ok("GET", OF_TENANT, "").await.json()), 0);
    let asked = format!("{OF_TENANT}?detail=steps");
    assert_eq!(steps(stage.ok("GET", &asked, "").await.json()), 1);
}

#[tokio::test]
async fn an_unknown_format_is_refused_by_name() {
    let stage = Stage::set().await;
    for path in [OF_PIPELINE, OF_TENANT] {
        let answer = stage
            .ask("GET", &format!("{path}?format=png"), &[&stage.shop], "")
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.problem(), "invalid-query");
    }
}
