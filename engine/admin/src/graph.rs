//! The flow as a picture: JSON for programs, Mermaid and DOT for people.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tailrace_control::query::graph::{draw::Detail, model::Graph};

use crate::{
    ApiState,
    access::Access,
    input::{Asked, PathParameters},
    problem::Answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphWish {
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantWish {
    #[serde(default)]
    format: Format,
    #[serde(default)]
    detail: Detail,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum Format {
    #[default]
    Json,
    Mermaid,
    Dot,
}

pub(crate) async fn of_pipeline(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    asked: Asked<GraphWish>,
) -> Answer<Response> {
    let graph = api.queries.pipeline_graph(&path.pipeline(&access)?)?;
    Ok(render(graph, &asked.0.format))
}

pub(crate) async fn of_tenant(
    access: Access,
    State(api): State<ApiState>,
    asked: Asked<TenantWish>,
) -> Answer<Response> {
    let graph = api.queries.tenant_graph(&access.tenant, asked.0.detail)?;
    Ok(render(graph, &asked.0.format))
}

fn render(graph: Graph, format: &Format) -> Response {
    let text = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    match format {
        Format::Json => Json(graph).into_response(),
        Format::Mermaid => text("text/vnd.mermaid; charset=utf-8", graph.mermaid()),
        Format::Dot => text("text/vnd.graphviz; charset=utf-8", graph.dot()),
    }
}
