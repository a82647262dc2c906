//! Plugins: upload, list, describe, download, delete.
//!
//! An upload is the file itself, or a form (`multipart/form-data`) with the file as `plugin` and
//! beside it what it is to be tried with: `config` for `configure`, `event` for one call.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{FromRequest as _, Multipart, Request, State, multipart::MultipartError},
    http::{StatusCode, header},
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tailrace_control::command::{
    plugins::{Upload, Uploaded},
    trial::Trial,
};
use tailrace_core::{
    codes::ApiCode,
    manifest::{PluginRef, config::WrittenConfig, parse_version},
    ports::plugins::CompileCost,
    registry::PluginVersion,
};

use crate::{
    ApiState,
    access::Access,
    answers::{Kept, Kinds, NoContent, Written},
    document_types::DocumentTypes,
    edge::TooSlow,
    input::{Content, PathParameters, too_large, too_slow},
    problem::{Answer, Problem},
};

/// An upload that was taken.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadedPlugin")]
pub(crate) struct UploadAnswer {
    #[serde(flatten)]
    version: Arc<PluginVersion>,
    /// What compiling it took; none if it was compiled before.
    #[serde(skip_serializing_if = "Option::is_none")]
    compiled: Option<CompileCost>,
    /// How it took its config, and its event.
    trial: Trial,
}

fn plugin(path: &PathParameters) -> Answer<PluginRef> {
    let version = parse_version(path.text("version"))
        .map_err(|cause| Problem::invalid(ApiCode::InvalidVersion, cause))?;
    Ok(PluginRef {
        name: path.name("plugin")?,
        version,
    })
}

pub(crate) async fn list(
    access: Access,
    State(api): State<ApiState>,
) -> Answer<Json<Vec<Arc<PluginVersion>>>> {
    Ok(Json(api.queries.list_plugins(&access.tenant)?))
}

pub(crate) async fn upload(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    request: Request,
) -> Answer<Kept<UploadAnswer>> {
    let plugin = plugin(&path)?;
    // Before the body: it is held in memory, and there is room for a few.
    let seat = api.commands.upload_permit(&access.tenant)?;
    let upload = read(request, &api).await?;
    let Uploaded {
        version,
        is_new,
        compiled,
        trial,
    } = access
        .commands
        .upload_plugin_at(seat, &access.tenant, plugin, upload)
        .await?;
    let content = UploadAnswer {
        version,
        compiled,
        trial,
    };
    Ok(Kept { is_new, content })
}

async fn read(request: Request, api: &ApiState) -> Answer<Upload> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_form = kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    });
    if !is_form {
        return Ok(Content::<()>::from_request(request, api)
            .await?
            .bytes()
            .clone()
            .into());
    }
    let form = Multipart::from_request(request, api).await;
    let mut form = form.map_err(|cause| wrong_form(cause.body_text()))?;
    let (mut plugin, mut config, mut event) = (None, None, None);
    while let Some(part) = form.next_field().await.map_err(|cause| torn(&cause))? {
        let slot = match part.name() {
            Some("plugin") => &mut plugin,
            Some("config") => &mut config,
            Some("event") => &mut event,
            _ => return Err(wrong_form("its parts are plugin, config and event")),
        };
        // A part that comes twice is refused, so there are three at most.
        if slot.is_some() {
            return Err(wrong_form("a part is there twice"));
        }
        *slot = Some(part.bytes().await.map_err(|cause| torn(&cause))?);
    }
    let mut upload = Upload::from(plugin.ok_or_else(|| wrong_form("it has no part plugin"))?);
    upload.trial.config = config.as_ref().map(written).transpose()?;
    upload.trial.event = event;
    Ok(upload)
}

/// The plugin gets a config as JSON, whatever it is written in.
fn written(config: &Bytes) -> Answer<WrittenConfig> {
    WrittenConfig::read(config)
        .map_err(|cause| Problem::invalid(ApiCode::InvalidBody, format!("the part {cause}")))
}

fn wrong_form(why: impl std::fmt::Display) -> Problem {
    Problem::invalid(
        ApiCode::InvalidBody,
        format!("the form is not what this route takes: {why}"),
    )
}

fn torn(cause: &MultipartError) -> Problem {
    if cause.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    if TooSlow::is_behind(cause) {
        return too_slow();
    }
    wrong_form("it did not arrive whole")
}

pub(crate) async fn describe(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<Arc<PluginVersion>>> {
    Ok(Json(api.queries.get_plugin(&access.tenant, &plugin(&path)?)?))
}

/// A component, as the engine runs it.
pub(crate) struct Component;

impl Kinds for Component {
    fn kinds(_: &mut DocumentTypes) -> Vec<(&'static str, Value)> {
        vec![(
            "application/wasm",
            json!({ "type": "string", "format": "binary" }),
        )]
    }

    fn headers() -> Vec<(&'static str, &'static str)> {
        vec![("content-disposition", "The name of a file for it.")]
    }
}

/// Bytes that are sent at a time.
const CHUNK: usize = 64 * 1024;

pub(crate) async fn component(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Written<Component>> {
    let plugin = plugin(&path)?;
    // Before the broker is asked: it is held in memory, and there is room for a few.
    let permit = api.commands.upload_permit(&access.tenant)?;
    let bytes = api.queries.component(&access.tenant, &plugin).await?;
    // Names and versions hold nothing that ends a quoted text.
    let file = format!("attachment; filename=\"{}-{}.wasm\"", plugin.name, plugin.version);
    let headers = [
        (header::CONTENT_TYPE, "application/wasm".to_owned()),
        (header::CONTENT_LENGTH, bytes.len().to_string()),
        (header::CONTENT_DISPOSITION, file),
    ];
    let parts = futures::stream::unfold((bytes, permit), |(mut rest, permit)| async move {
        let part = rest.split_to(CHUNK.min(rest.len()));
        (!part.is_empty()).then_some((Ok::<_, Infallible>(part), (rest, permit)))
    });
    Ok(Written::new((headers, Body::from_stream(parts))))
}

pub(crate) async fn delete(access: Access, path: PathParameters) -> Answer<NoContent> {
    access
        .commands
        .delete_plugin_version(&access.tenant, &plugin(&path)?)
        .await?;
    Ok(NoContent)
}
