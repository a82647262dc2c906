//! The flow as a picture: JSON for programs, Mermaid and DOT for people.

use axum::{Json, extract::State, http::header, response::IntoResponse as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tailrace_control::query::graph::{draw::Detail, model::Graph};

use crate::{
    ApiState,
    access::Access,
    answers::{Kinds, Written, text},
    document_types::DocumentTypes,
    input::{Asked, PathParameters},
    problem::Answer,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphWish {
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantWish {
    #[serde(default)]
    format: Format,
    #[serde(default)]
    detail: Detail,
}

#[derive(Deserialize, Default, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "GraphFormat")]
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
) -> Answer<Written<Drawing>> {
    let graph = api.queries.pipeline_graph(&path.pipeline(&access)?)?;
    Ok(render(graph, &asked.0.format))
}

pub(crate) async fn of_tenant(
    access: Access,
    State(api): State<ApiState>,
    asked: Asked<TenantWish>,
) -> Answer<Written<Drawing>> {
    let graph = api.queries.tenant_graph(&access.tenant, asked.0.detail)?;
    Ok(render(graph, &asked.0.format))
}

/// A graph in one of its forms.
pub(crate) struct Drawing;

impl Kinds for Drawing {
    fn kinds(types: &mut DocumentTypes) -> Vec<(&'static str, Value)> {
        vec![
            ("application/json", types.given::<Graph>()),
            text("text/vnd.mermaid"),
            text("text/vnd.graphviz"),
        ]
    }
}

fn render(graph: Graph, format: &Format) -> Written<Drawing> {
    let text = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    Written::new(match format {
        Format::Json => Json(graph).into_response(),
        Format::Mermaid => text("text/vnd.mermaid; charset=utf-8", graph.mermaid()),
        Format::Dot => text("text/vnd.graphviz; charset=utf-8", graph.dot()),
    })
}
