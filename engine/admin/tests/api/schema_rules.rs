//! Rules that bind subjects to schemas, over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::stage::{Answer, OPERATOR, Stage};

const PIPELINE: &str = r#"
name: orders
input: { stream: SHOP, subjects: ["shop.orders.>"] }
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state] }
"#;
const AT: &str = "/v1/tenants/shop/pipelines/orders";

impl Stage {
    async fn bind(&self, pattern: &str, schema: &str) -> Answer {
        let path = format!("/v1/tenants/shop/schema-rules/{}", pattern.replace('>', "%3E"));
        self.ask("PUT", &path, &[&self.shop], schema.to_owned()).await
    }

    async fn push_any(&self, name: &str, text: &str) {
        let body = json!({ "format": "json-schema", "schema": text }).to_string();
        let path = format!("/v1/tenants/shop/schemas/{name}/versions");
        self.ok("POST", &path, body).await;
    }

    async fn apply(&self, manifest: &str) -> Answer {
        self.ask("PUT", AT, &[&self.shop], manifest.to_owned()).await
    }

    async fn active_schema(&self) -> Value {
        self.ok("GET", AT, "").await.json()["active"]["spec"]["input"]["schema"].clone()
    }
}

#[tokio::test]
async fn a_pipeline_gets_the_schema_of_the_rule_and_is_told_so() {
    let stage = Stage::set().await;
    stage.apply(PIPELINE).await;
    let bound = stage.bind("shop.orders.>", r#"{"name":"order"}"#).await;
    assert_eq!(bound.status, StatusCode::CREATED, "{bound:?}");
    let expected = json!({ "subject": "shop.orders.>", "schema": { "name": "order" }, "otherwise": ["clicks", "orders"] });
    assert_eq!(bound.json(), expected);
    let again = stage.bind("shop.orders.>", r#"{"name":"order"}"#).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(
        stage.active_schema().await,
        Value::Null,
        "a rule changes no pipeline"
    );
    let dry = stage
        .ask("PUT", &format!("{AT}?dry-run=true"), &[&stage.shop], PIPELINE)
        .await;
    let filled =
        json!([{ "field": "input.schema", "rule": "shop.orders.>", "schema": "order", "version": 1 }]);
    assert_eq!(dry.json()["schemas"], filled, "{dry:?}");
    let applied = stage.apply(PIPELINE).await;
    assert_eq!(applied.json()["schemas"], filled, "{applied:?}");
    assert_eq!(
        stage.active_schema().await,
        json!({ "name": "order", "version": 1 })
    );
    let same = stage.apply(PIPELINE).await.json();
    assert_eq!((&same["changed"], &same["schemas"]), (&json!(false), &filled));
    let ignoring = PIPELINE.replace("subjects:", "schema-rules: ignore, subjects:");
    let applied = stage.apply(&ignoring).await;
    assert_eq!(applied.json()["schemas"], Value::Null, "{applied:?}");
    assert_eq!(stage.active_schema().await, Value::Null);
}

#[tokio::test]
async fn contradictions_are_refused_where_they_are_written() {
    let stage = Stage::set().await;
    stage.push_any("receipt", "true").await;
    stage.bind("shop.orders.>", r#"{"name":"order"}"#).await;
    let named = PIPELINE.replace("subjects:", "schema: { name: receipt }, subjects:");
    for (manifest, field) in [
        (named, "input.schema"),
        (PIPELINE.replace("shop.orders.>", "shop.>"), "input.subjects[0]"),
    ] {
        let refused = stage.apply(&manifest).await;
        assert_eq!(refused.problem(), "invalid-pipeline", "{refused:?}");
        let text = refused.json().to_string();
        assert!(
            text.contains(field) && text.contains("schema-rules: ignore"),
            "{text}"
        );
    }
    for (pattern, schema, code, word) in [
        ("shop.orders.eu", r#"{"name":"receipt"}"#, "conflict", "overlaps"),
        (
            "shop.receipts",
            r#"{"name":"none"}"#,
            "invalid-pipeline",
            "push it first",
        ),
        (
            "shop.receipts",
            r#"{"name":"receipt","version":9}"#,
            "invalid-pipeline",
            "no version 9",
        ),
        (
            "shop.receipts",
            r#"{"name":"receipt","message":"M"}"#,
            "invalid-pipeline",
            "Protobuf",
        ),
        ("shop..x", r#"{"name":"receipt"}"#, "invalid-request", "subject"),
        ("tr.shop.x", r#"{"name":"receipt"}"#, "invalid-request", "subject"),
        ("shop.receipts", r#"{"schema":"receipt"}"#, "invalid-body", ""),
    ] {
        let refused = stage.bind(pattern, schema).await;
        assert_eq!(refused.problem(), code, "{pattern} {schema}: {refused:?}");
        assert!(refused.json()["detail"].to_string().contains(word), "{refused:?}");
    }
}

#[tokio::test]
async fn a_schema_that_is_bound_stays_until_it_is_unbound() {
    let stage = Stage::set().await;
    stage.push_any("receipt", "true").await;
    stage.push_any("receipt", "{}").await;
    stage.bind("shop.receipts", r#"{"name":"receipt"}"#).await;
    let delete = async |path: &str| {
        let path = format!("/v1/tenants/shop/{path}");
        stage.ask("DELETE", &path, &[&stage.shop], "").await
    };
    // The rule means the latest one, whichever that is.
    assert!(delete("schemas/receipt/versions/1").await.status.is_success());
    for path in ["schemas/receipt/versions/2", "schemas/receipt"] {
        let kept = delete(path).await;
        assert_eq!(kept.problem(), "conflict", "{path}");
        assert!(
            kept.json()["detail"].to_string().contains("schema unbind"),
            "{kept:?}"
        );
    }
    assert!(delete("schema-rules/shop.receipts").await.status.is_success());
    assert_eq!(delete("schema-rules/shop.receipts").await.problem(), "not-found");
    assert!(delete("schemas/receipt").await.status.is_success());
}

#[tokio::test]
async fn rules_are_the_tenants_within_its_quota_and_survive_its_operator() {
    let stage = Stage::set().await;
    let tenant = r#"{"read":["shop.>"],"write":["results.>"],"quotas":{"schema-rules":2}}"#;
    stage.ok("PUT", "/v1/tenants/shop", tenant).await;
    stage.bind("shop.orders.>", r#"{"name":"order"}"#).await;
    let third = stage.bind("shop.receipts", r#"{"name":"order"}"#).await;
    assert_eq!(third.problem(), "quota-exceeded", "{third:?}");
    let rules = stage.ok("GET", "/v1/tenants/shop/schema-rules", "").await.json();
    let subjects: Vec<&Value> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["subject"])
        .collect();
    assert_eq!(subjects, ["inbox.bound", "shop.orders.>"]);
    let used = stage.ok("GET", "/v1/tenants/shop", "").await.json();
    assert_eq!(used["used"]["schema-rules"], 2);
    let theirs = stage
        .ask("GET", "/v1/tenants/bank/schema-rules", &[OPERATOR], "")
        .await;
    assert_eq!(theirs.json(), json!([]));
}

#[tokio::test]
async fn memory_that_a_plugin_needs_is_asked_for_where_it_is_limited() {
    let stage = Stage::set().await;
    let hungry = PIPELINE.replace("grants:", "config: hungry, grants:");
    let refused = stage.apply(&hungry).await;
    let told = refused.json().to_string();
    assert!(
        told.contains("steps[0].limits.memory") && told.contains("limits: { memory: 32MiB }"),
        "{told}"
    );
    let fed = hungry.replace("grants:", "limits: { memory: 32MiB }, grants:");
    assert!(stage.apply(&fed).await.status.is_success());
}

#[tokio::test]
async fn memory_beyond_the_quota_needs_an_operator() {
    let stage = Stage::set().await;
    let wanted = PIPELINE.replace("grants:", "limits: { memory: 100MiB }, grants:");
    let refused = stage.apply(&wanted).await;
    assert_eq!(refused.problem(), "quota-exceeded", "{refused:?}");
    let detail = refused.json()["detail"].to_string();
    assert!(
        detail.contains("steps[0].limits.memory") && detail.contains("memory-bytes"),
        "{detail}"
    );
    let tenant = |bytes: u64| {
        format!(r#"{{"read":["shop.>"],"write":["results.>"],"quotas":{{"memory-bytes":{bytes}}}}}"#)
    };
    let too_much = stage
        .ask("PUT", "/v1/tenants/shop", &[OPERATOR], tenant((1 << 30) + 1))
        .await;
    assert_eq!(too_much.problem(), "invalid-request", "{too_much:?}");
    stage.ok("PUT", "/v1/tenants/shop", tenant(128 << 20)).await;
    let applied = stage.apply(&wanted).await;
    assert!(applied.status.is_success(), "{applied:?}");
}
