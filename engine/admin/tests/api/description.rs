//! What `/openapi.json` says: every route of the table and nothing else, each with its parameters, its
//! body, its problems and the token that it needs.

use std::collections::BTreeSet;

use serde_json::Value;
use tailrace_admin::{Audience, routes};

use crate::stage::{Stage, parameters};

async fn document() -> Value {
    Stage::set().await.ok("GET", "/openapi.json", "").await.json()
}

fn operation<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    &document["paths"][path][method.to_lowercase()]
}

#[tokio::test]
async fn the_description_lists_every_route_and_no_other() {
    let document = document().await;
    let methods = [
        "get", "put", "post", "delete", "patch", "head", "options", "trace",
    ];
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in methods.iter().filter(|method| !item[**method].is_null()) {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let served: BTreeSet<_> = routes()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    assert_eq!(served.len(), routes().len(), "no route is there twice");
    assert_eq!(described, served);
}

#[tokio::test]
async fn every_operation_is_described_with_parameters_problems_and_security() {
    let document = document().await;
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    let mut ids = BTreeSet::new();
    for route in routes() {
        let operation = operation(&document, route.method, route.path);
        let shown = format!("{} {}: {operation}", route.method, route.path);
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{shown}"
        );
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap_or_default().to_owned()),
            "{shown}"
        );
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"];
        assert_eq!(problem["$ref"], "#/components/schemas/Problem", "{shown}");
        let secured = !operation["security"].is_null();
        assert_eq!(secured, route.audience != Audience::Public, "{shown}");
        let declared = operation["parameters"].as_array().into_iter().flatten();
        let in_path: Vec<_> = declared
            .filter(|parameter| parameter["in"] == "path")
            .map(|it| it["name"].clone())
            .collect();
        assert_eq!(in_path, parameters(route.path), "{shown}");
    }
}

#[tokio::test]
async fn bodies_and_queries_are_described() {
    let document = document().await;
    for (method, path, kind) in [
        ("PUT", "/v1/tenants/{tenant}", "application/json"),
        (
            "PUT",
            "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}",
            "application/wasm",
        ),
        (
            "PUT",
            "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}",
            "multipart/form-data",
        ),
        (
            "PUT",
            "/v1/tenants/{tenant}/pipelines/{pipeline}",
            "application/yaml",
        ),
        (
            "PUT",
            "/v1/tenants/{tenant}/pipelines/{pipeline}",
            "application/json",
        ),
        ("POST", "/v1/tenants/{tenant}/events", "application/x-ndjson"),
        ("POST", "/v1/tenants/{tenant}/events", "application/json"),
        ("PUT", "/v1/tenants/{tenant}/streams/{stream}", "application/json"),
        (
            "POST",
            "/v1/tenants/{tenant}/schemas/{schema}/versions",
            "application/json",
        ),
        (
            "POST",
            "/v1/tenants/{tenant}/schemas/{schema}/check",
            "application/json",
        ),
        (
            "PUT",
            "/v1/tenants/{tenant}/schemas/{schema}/compatibility",
            "application/json",
        ),
        (
            "POST",
            "/v1/tenants/{tenant}/pipelines/{pipeline}/pause",
            "application/json",
        ),
        (
            "POST",
            "/v1/tenants/{tenant}/pipelines/{pipeline}/rollback",
            "application/json",
        ),
    ] {
        let operation = operation(&document, method, path);
        assert!(
            operation["requestBody"]["content"][kind].is_object(),
            "{method} {path}: {operation}"
        );
    }
    for (path, names) in [
        ("/steps/{step}/state", vec!["prefix", "after", "limit"]),
        (
            "/sketches/{sketch}",
            vec!["q", "item", "from", "to", "by", "group", "rest"],
        ),
        ("/dead-letters", vec!["after", "limit"]),
        ("/outputs", vec!["from", "after", "key", "limit", "follow"]),
        ("/graph", vec!["format"]),
        ("/tap", vec!["step", "key", "limit"]),
        ("/logs", vec!["follow", "lines"]),
    ] {
        let path = format!("/v1/tenants/{{tenant}}/pipelines/{{pipeline}}{path}");
        let declared = operation(&document, "GET", &path)["parameters"]
            .as_array()
            .unwrap();
        let queries: Vec<_> = declared
            .iter()
            .filter(|it| it["in"] == "query")
            .map(|it| it["name"].clone())
            .collect();
        assert_eq!(queries, names, "{path}");
    }
}

#[tokio::test]
async fn the_schema_of_a_pipeline_is_served_to_everybody() {
    let stage = Stage::set().await;
    let schema = stage
        .ask("GET", "/v1/schemas/pipeline.json", &[], "")
        .await
        .json();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}
