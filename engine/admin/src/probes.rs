//! Probes and metrics.
//!
//! Why: docs/decisions/0020-ready-means-stored.md

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tailrace_core::{codes::ApiCode, registry::Scope};

use crate::{
    ApiState,
    access::bearer,
    metrics,
    problem::{Answer, Problem},
};

pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

pub(crate) async fn ready(State(api): State<ApiState>) -> Answer<Json<Value>> {
    match api.queries.context().readiness() {
        Ok(()) => {
            let mut ready = json!({ "status": "ready" });
            let unreadable = api.queries.context().unreadable_entries();
            if unreadable > 0 {
                ready["unreadable_entries"] = json!(unreadable);
            }
            Ok(Json(ready))
        }
        Err(reason) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ApiCode::NotReady,
            reason,
        )),
    }
}

pub(crate) async fn metrics(State(api): State<ApiState>, request: Request) -> Answer<Response> {
    let (parts, _) = request.into_parts();
    if !api.options.metrics_public && !matches!(bearer(&parts, &api)?.scope, Scope::Operator(_)) {
        return Err(Problem::not_found("resource"));
    }
    let text = metrics::render(&api.queries.measure(), &api.options);
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
