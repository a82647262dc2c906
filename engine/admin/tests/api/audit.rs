//! The audit log over the API: every change is in it, under the id of the token that made it; a change
//! that cannot be told to it is not made.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_admin::{Audience, Route, routes};
use tailrace_testing::link::{ADDRESS, Service};

use crate::stage::{OPERATOR, PIPELINE, PLUGIN, Stage, body, path, path_with};

const CHANGED: &str = r#"
name: clicks
input: { stream: SHOP, subjects: ["shop.>"] }
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state], config: { key: "a secret" } }
"#;

/// A request by which each route that changes something does change something.
pub fn change(route: &Route) -> (String, &'static str) {
    match (route.method, route.path) {
        ("PUT", path) if path.contains("/plugins/") => {
            (path_with(route, "version", "2.0.0"), "\0asm counter")
        }
        ("DELETE", path) if path.contains("/plugins/") => (path_with(route, "version", "2.0.0"), ""),
        ("PUT", at) if at.ends_with("{pipeline}") => (path(route), CHANGED),
        ("DELETE", "/v1/tenants/{tenant}") => (path_with(route, "tenant", "bank"), ""),
        ("POST", at) if at.ends_with("/rollback") => (path(route), r#"{"to":1}"#),
        _ => (path(route), body(route)),
    }
}

/// Every route that changes something: what brings data alone is not in the log, for it would fill it.
fn changing() -> Vec<Route> {
    let changes = |route: &Route| route.method != "GET" && !route.brings_data;
    routes().into_iter().filter(changes).collect()
}

async fn log(stage: &Stage, path: &str) -> Vec<Value> {
    stage.ok("GET", path, "").await.json().as_array().unwrap().clone()
}

/// What must be so before a route has something to change.
pub async fn prepare(stage: &Stage, route: &Route) -> String {
    let (path, _) = change(route);
    if route.path.ends_with("/resume") {
        stage
            .ok("POST", "/v1/tenants/shop/pipelines/clicks/pause", "")
            .await;
    }
    if route.path.ends_with("/rollback") {
        stage
            .ok("PUT", "/v1/tenants/shop/pipelines/clicks", CHANGED)
            .await;
    }
    if route.path.contains("/candidate") {
        let beside = PIPELINE.replace("grants: [state]", "grants: [state], config: { a: 1 }");
        stage
            .ok("PUT", "/v1/tenants/shop/pipelines/clicks?shadow=true", beside)
            .await;
    }
    if route.method == "DELETE" && route.path.contains("/plugins/") {
        stage.ok("PUT", &path, PLUGIN).await;
    }
    if !route.path.ends_with("/tokens/{token}") {
        return path;
    }
    // One beside that which asks.
    let at = route.path.replace("/{token}", "").replace("{tenant}", "shop");
    let made = stage.ok("POST", &at, "").await.json();
    path_with(route, "token", made["id"].as_str().unwrap())
}

#[tokio::test]
async fn every_route_that_changes_something_is_in_the_log_under_the_token_that_asked() {
    let mut changes = 0;
    for route in &changing() {
        let stage = Stage::set().await;
        let path = prepare(&stage, route).await;
        let before = log(&stage, "/v1/audit").await;
        let token = match route.audience {
            Audience::Tenant(_) => &*stage.shop,
            Audience::Operator(_) | Audience::Bearer | Audience::Public => OPERATOR,
        };
        let answer = stage.ask(route.method, &path, &[token], change(route).1).await;
        let asked = format!("{} {path}", route.method);
        assert!(answer.status.is_success(), "{asked}: {answer:?}");
        let after = log(&stage, "/v1/audit").await;
        assert_eq!(after.len(), before.len() + 1, "{asked}: one record a change");
        let (newest, who) = (&after[0], &after[0]["who"]);
        assert_eq!(newest["outcome"], "done", "{asked}: {newest}");
        assert!(who["token"].is_string(), "{asked}: {newest}");
        let scope = if token == OPERATOR {
            "operator"
        } else {
            "shop:admin"
        };
        assert_eq!(who["scope"], scope, "{asked}: {newest}");
        changes += 1;
    }
    assert!(changes > 8, "the table holds routes that change something");
}

#[tokio::test]
async fn a_change_that_cannot_be_told_to_the_log_is_not_made() {
    for route in &changing() {
        let stage = Stage::set().await;
        let path = prepare(&stage, route).await;
        let registered = stage.fake.written();
        stage.fake.audit.break_down();
        let answer = stage.ask(route.method, &path, &[OPERATOR], change(route).1).await;
        let asked = format!("{} {path}", route.method);
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{asked}: {answer:?}"
        );
        assert_eq!(answer.problem(), "audit-unavailable", "{asked}");
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!shown.contains(ADDRESS), "{asked}: {shown}");
        assert_eq!(stage.fake.written(), registered, "{asked}: nothing was written");
    }
}

#[tokio::test]
async fn a_record_tells_what_was_and_what_is_without_a_secret() {
    let stage = Stage::set().await;
    stage
        .ok("PUT", "/v1/tenants/shop/pipelines/clicks", CHANGED)
        .await;
    let log = log(&stage, "/v1/tenants/shop/audit").await;
    let record = &log[0];
    assert_eq!(record["action"], "pipeline-applied", "{record}");
    assert_eq!(record["target"], "pipeline/clicks", "{record}");
    assert_eq!(
        (&record["before"]["revision"], &record["after"]["revision"]),
        (&json!(1), &json!(2)),
        "{record}"
    );
    let changed = record["after"]["changed"].to_string();
    assert!(changed.contains("/steps/0/config"), "{record}");
    assert!(record["registry_revision"].as_u64().unwrap() > 0, "{record}");
    let whole = json!(log).to_string();
    assert!(!whole.contains("a secret") && !whole.contains("tr_"), "{whole}");
    assert!(!whole.contains("seed"), "{whole}");
}

#[tokio::test]
async fn a_tenant_reads_its_own_changes_only_and_in_pages() {
    let stage = Stage::set().await;
    stage.ok("POST", "/v1/tenants/bank/tokens", "").await;
    let read = |path: &'static str| {
        let stage = &stage;
        async move { stage.ask("GET", path, &[&stage.shop], "").await.json() }
    };
    let whole = read("/v1/tenants/shop/audit").await;
    let whole = whole.as_array().unwrap();
    assert!(
        whole.len() >= 4 && whole.iter().all(|record| record["tenant"] == "shop"),
        "{whole:?}"
    );
    let first = read("/v1/tenants/shop/audit?limit=2").await;
    assert_eq!(first.as_array().unwrap()[..], whole[..2]);
    let next = format!("/v1/tenants/shop/audit?limit=2&before={}", first[1]["sequence"]);
    let next = stage.ask("GET", &next, &[&stage.shop], "").await.json();
    assert_eq!(next.as_array().unwrap()[..], whole[2..4]);
}

#[tokio::test]
async fn a_change_that_fails_is_told_as_failed_and_a_refused_one_not_at_all() {
    let stage = Stage::set().await;
    let before = log(&stage, "/v1/audit").await.len();
    let wrong = stage
        .ask(
            "PUT",
            "/v1/tenants/shop/pipelines/clicks",
            &[OPERATOR],
            "name: clicks",
        )
        .await;
    assert_eq!(wrong.status.as_u16(), 422);
    assert_eq!(log(&stage, "/v1/audit").await.len(), before);
    stage.fake.broker.link().cut(Service::Removal);
    let failed = stage
        .ask("DELETE", "/v1/tenants/shop/pipelines/clicks", &[OPERATOR], "")
        .await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{failed:?}");
    let newest = &log(&stage, "/v1/audit").await[0];
    assert_eq!(
        (&newest["outcome"], &newest["code"]),
        (&json!("failed"), &json!("broker-unavailable")),
        "{newest}"
    );
}

#[tokio::test]
async fn a_page_has_bounds_and_a_route_that_asks_nothing_takes_no_parameters() {
    let stage = Stage::set().await;
    for refused in [
        "/v1/audit?limit=0",
        "/v1/audit?limit=501",
        "/v1/tenants/shop/audit?limit=501",
        "/v1/tenants/shop/pipelines/clicks/dead-letters?limit=501",
        "/v1/tenants/shop/pipelines/clicks/outputs?limit=0",
        "/v1/tenants/shop/pipelines/clicks/timers?limit=0",
        "/v1/tenants/shop/pipelines/clicks/timers?limit=1001",
        "/v1/tenants/shop/pipelines/clicks/joins/j?limit=1001",
        "/v1/tenants/shop/pipelines/clicks/windows/w?limit=1001",
        "/v1/tenants/shop/pipelines/clicks/vectors/v?limit=0",
        "/v1/tenants/shop/pipelines/clicks/steps/s/state?limit=1001",
        "/v1/tenants/shop/pipelines/clicks/outputs?follow=true&limit=0",
        "/v1/tenants/shop/pipelines?limit=abc",
    ] {
        let answer = stage.ask("GET", refused, &[OPERATOR], "").await;
        assert!(answer.status.is_client_error(), "{refused}: {answer:?}");
        assert_eq!(answer.json()["code"], "invalid-query", "{refused}");
    }
    assert_eq!(
        log(&stage, "/v1/audit?limit=500").await,
        log(&stage, "/v1/audit").await
    );
}
