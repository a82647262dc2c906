//! Probes and metrics.
//!
//! Why: docs/decisions/0020-ready-means-stored.md

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tailrace_core::{codes::ApiCode, registry::Scope};

use crate::{
    ApiState,
    access::bearer,
    answers::{Kinds, Written, text},
    document_types::DocumentTypes,
    metrics::{self, Exposition},
    problem::{Answer, Problem},
};

/// What a process says that runs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `alive`.
    status: &'static str,
}

/// What an engine says that can serve.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Readiness {
    /// `ready`.
    status: &'static str,
    /// Entries of the registry that it cannot read, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable_entries: Option<usize>,
    /// Streams of the engine's own that somebody has altered, with the way out, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    altered_streams: Vec<String>,
}

/// The metrics, for Prometheus.
pub(crate) struct Scrape;

impl Kinds for Scrape {
    fn kinds(_: &mut DocumentTypes) -> Vec<(&'static str, Value)> {
        Exposition::KINDS.map(text).into()
    }
}

pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "alive" })
}

pub(crate) async fn ready(State(api): State<ApiState>) -> Answer<Json<Readiness>> {
    match api.queries.context().readiness() {
        Ok(()) => {
            let unreadable = api.queries.context().unreadable_entries();
            Ok(Json(Readiness {
                status: "ready",
                unreadable_entries: (unreadable > 0).then_some(unreadable),
                altered_streams: api.queries.context().told_of_streams(),
            }))
        }
        Err(reason) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ApiCode::NotReady,
            reason,
        )),
    }
}

pub(crate) async fn metrics(State(api): State<ApiState>, request: Request) -> Answer<Written<Scrape>> {
    let (parts, _) = request.into_parts();
    if !api.options.metrics_public && !matches!(bearer(&parts, &api)?.scope, Scope::Operator(_)) {
        return Err(Problem::not_found("resource"));
    }
    let wanted = Exposition::wanted(&parts.headers);
    let metrics = wanted.of(metrics::render(&api.queries.measure(), &api.options));
    let headers = [
        (header::CONTENT_TYPE, wanted.content_type()),
        (header::VARY, "accept"),
    ];
    Ok(Written::new((headers, metrics)))
}
