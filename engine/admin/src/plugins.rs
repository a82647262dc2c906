//! Plugins: upload, list, describe.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tailrace_core::{
    registry::PluginVersion,
    spec::{PluginRef, parse_version},
};

use crate::{
    ApiState,
    access::Access,
    input::{Content, Place},
    problem::{Answer, Problem},
};

fn plugin(place: &Place) -> Answer<PluginRef> {
    let version =
        parse_version(place.text("version")).map_err(|cause| Problem::invalid("invalid-version", cause))?;
    Ok(PluginRef {
        name: place.name("plugin")?,
        version,
    })
}

pub(crate) async fn list(
    access: Access,
    State(api): State<ApiState>,
) -> Answer<Json<Vec<Arc<PluginVersion>>>> {
    Ok(Json(api.control.list_plugins(&access.tenant)?))
}

pub(crate) async fn upload(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
    body: Content,
) -> Answer<(StatusCode, Json<Arc<PluginVersion>>)> {
    let (version, new) = api
        .control
        .upload_plugin(&access.tenant, plugin(&place)?, body.0)
        .await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(version)))
}

pub(crate) async fn describe(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<Arc<PluginVersion>>> {
    Ok(Json(api.control.get_plugin(&access.tenant, &plugin(&place)?)?))
}
