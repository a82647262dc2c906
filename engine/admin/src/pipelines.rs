//! Pipelines: apply, look, pause, roll back, delete.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use tailrace_control::{
    command::apply::AppliedPipeline, error::ControlError, query::status::PipelineStatusReport,
};
use tailrace_core::{
    manifest::{error::ManifestError, parse::parse},
    name::Name,
    observe::status::State as PipelineState,
    registry::{Pipeline, Revision},
};

use crate::{
    ApiState,
    access::Access,
    candidates::How,
    input::{Asked, Content, PathParameters},
    problem::Answer,
};

/// A pipeline in a list.
#[derive(Serialize)]
pub(crate) struct Line {
    name: Name,
    revision: u64,
    partitions: u32,
    #[serde(flatten)]
    state: PipelineState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    #[serde(default)]
    to: Option<u64>,
    #[serde(default)]
    force: bool,
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<Line>>> {
    let pipelines = api.queries.list_pipelines(&access.tenant)?.into_iter();
    let line = |(pipeline, state): (Arc<Pipeline>, PipelineState)| Line {
        name: pipeline.active.manifest.name.clone(),
        revision: pipeline.active.number,
        partitions: pipeline.active.manifest.partitions,
        state,
    };
    Ok(Json(pipelines.map(line).collect()))
}

pub(crate) async fn apply(
    access: Access,
    path: PathParameters,
    Asked(how): Asked<How>,
    body: Content,
) -> Answer<Json<AppliedPipeline>> {
    let name = path.name("pipeline")?;
    let manifest = parse(&body.0).map_err(ControlError::from)?;
    if manifest.name != name {
        let message = format!("the path names pipeline {name}; make them the same");
        return Err(ControlError::from(ManifestError::new("name", message)).into());
    }
    let how = how.read()?;
    Ok(Json(
        access
            .commands
            .apply_pipeline(&access.tenant, manifest, how)
            .await?,
    ))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<Arc<Pipeline>>> {
    Ok(Json(api.queries.get_pipeline(&path.pipeline(&access)?)?))
}

pub(crate) async fn delete(access: Access, path: PathParameters) -> Answer<StatusCode> {
    access.commands.delete_pipeline(&path.pipeline(&access)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn status(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<PipelineStatusReport>> {
    Ok(Json(api.queries.pipeline_status(&path.pipeline(&access)?).await?))
}

pub(crate) async fn pause(access: Access, path: PathParameters, body: Content) -> Answer<StatusCode> {
    let Pause { reason } = body.json()?;
    let reason = reason.unwrap_or_else(|| "paused over the API".to_owned());
    access
        .commands
        .set_paused(&path.pipeline(&access)?, Some(reason))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn resume(access: Access, path: PathParameters) -> Answer<StatusCode> {
    access.commands.set_paused(&path.pipeline(&access)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn revisions(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<Vec<u64>>> {
    Ok(Json(api.queries.revisions(&path.pipeline(&access)?)?))
}

pub(crate) async fn revision(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<Revision>> {
    let pipeline = path.pipeline(&access)?;
    api.queries.get_pipeline(&pipeline)?;
    Ok(Json(
        api.queries
            .context()
            .revision(&pipeline, path.number("revision")?)
            .await?,
    ))
}

pub(crate) async fn roll_back(
    access: Access,
    path: PathParameters,
    body: Content,
) -> Answer<Json<AppliedPipeline>> {
    let Rollback { to, force } = body.json()?;
    let pipeline = path.pipeline(&access)?;
    Ok(Json(access.commands.roll_back(&pipeline, to, force).await?))
}
