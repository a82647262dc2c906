//! Pipelines: apply, look, pause, roll back, delete.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use tailrace_core::{
    control::{ControlError, pipelines::AppliedPipeline, status::PipelineStatusReport},
    name::Name,
    pipeline::status::State as PipelineState,
    registry::{Pipeline, Revision},
    spec::parse::{SpecError, parse},
};

use crate::{
    ApiState,
    access::Access,
    candidates::How,
    input::{Asked, Content, Place},
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
    let pipelines = api.control.list_pipelines(&access.tenant)?.into_iter();
    let line = |(pipeline, state): (Arc<Pipeline>, PipelineState)| Line {
        name: pipeline.active.spec.name.clone(),
        revision: pipeline.active.number,
        partitions: pipeline.active.spec.partitions,
        state,
    };
    Ok(Json(pipelines.map(line).collect()))
}

pub(crate) async fn apply(
    access: Access,
    place: Place,
    Asked(how): Asked<How>,
    body: Content,
) -> Answer<Json<AppliedPipeline>> {
    let name = place.name("pipeline")?;
    let spec = parse(&body.0).map_err(ControlError::from)?;
    if spec.name != name {
        let message = format!("the path names pipeline {name}; make them the same");
        return Err(ControlError::from(SpecError::new("name", message)).into());
    }
    let how = how.read()?;
    Ok(Json(
        access.control.apply_pipeline(&access.tenant, spec, how).await?,
    ))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<Arc<Pipeline>>> {
    Ok(Json(api.control.get_pipeline(&place.pipeline(&access)?)?))
}

pub(crate) async fn delete(access: Access, place: Place) -> Answer<StatusCode> {
    access.control.delete_pipeline(&place.pipeline(&access)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn status(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<PipelineStatusReport>> {
    Ok(Json(
        api.control.pipeline_status(&place.pipeline(&access)?).await?,
    ))
}

pub(crate) async fn pause(access: Access, place: Place, body: Content) -> Answer<StatusCode> {
    let Pause { reason } = body.json()?;
    let reason = reason.unwrap_or_else(|| "paused over the API".to_owned());
    access
        .control
        .set_paused(&place.pipeline(&access)?, Some(reason))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn resume(access: Access, place: Place) -> Answer<StatusCode> {
    access.control.set_paused(&place.pipeline(&access)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn revisions(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<Vec<u64>>> {
    Ok(Json(api.control.revisions(&place.pipeline(&access)?)?))
}

pub(crate) async fn revision(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<Revision>> {
    let pipeline = place.pipeline(&access)?;
    api.control.get_pipeline(&pipeline)?;
    Ok(Json(
        api.control.revision(&pipeline, place.number("revision")?).await?,
    ))
}

pub(crate) async fn roll_back(access: Access, place: Place, body: Content) -> Answer<Json<AppliedPipeline>> {
    let Rollback { to, force } = body.json()?;
    let pipeline = place.pipeline(&access)?;
    Ok(Json(access.control.roll_back(&pipeline, to, force).await?))
}
