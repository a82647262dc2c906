//! Pipelines: apply, look, pause, roll back, delete.

use std::sync::Arc;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_control::{
    command::{
        apply::AppliedPipeline,
        resume::{ReadFrom, Resume},
    },
    error::ControlError,
    query::{registered::ListedPipeline, status::PipelineStatusReport},
};
use tailrace_core::{
    manifest::{PipelineManifest, error::ManifestError, mistakes::Refusal, parse::read},
    registry::{Pipeline, Revision},
};

use crate::{
    ApiState,
    access::Access,
    answers::{NoContent, Tagged},
    candidates::How,
    condition::{Expected, tag},
    input::{Asked, Content, PathParameters},
    problem::Answer,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollback {
    #[serde(default)]
    to: Option<u64>,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HowToResume {
    #[serde(default)]
    new_stream: bool,
    #[serde(default)]
    accept_loss: bool,
    #[serde(default)]
    accept_repeats: bool,
    /// `first`, or a sequence.
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    stream: Option<String>,
}

impl HowToResume {
    fn read(self) -> Result<Resume, ControlError> {
        let from = self.from.map(|from| match &*from {
            "first" => Ok(ReadFrom::First),
            number => number.parse().map(ReadFrom::Sequence).map_err(|_| {
                ControlError::Invalid("from: write first, or the sequence of an event".to_owned())
            }),
        });
        Ok(Resume {
            accept_loss: self.accept_loss,
            accept_repeats: self.accept_repeats,
            from: from.transpose()?,
            stream: self.stream,
            new_stream: self.new_stream,
        })
    }
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<ListedPipeline>>> {
    Ok(Json(api.queries.list_pipelines(&access.tenant)?))
}

pub(crate) async fn apply(
    access: Access,
    path: PathParameters,
    Asked(how): Asked<How>,
    Expected(condition): Expected,
    body: Content<PipelineManifest>,
) -> Answer<Tagged<AppliedPipeline>> {
    let name = path.name("pipeline")?;
    let written = read(body.bytes()).map_err(ControlError::from)?;
    if written.manifest.name != name {
        let message = format!("the path names pipeline {name}; make them the same");
        let mut refusal = Refusal::from(ManifestError::new("name", message));
        refusal.find(written.places.as_ref());
        return Err(ControlError::from(refusal).into());
    }
    let how = how.read(condition)?;
    let applied = access
        .commands
        .apply_pipeline(&access.tenant, written, how)
        .await?;
    let tag = tag(access.queries.pipeline_revision(&path.pipeline(&access)?)?);
    Ok(Tagged(tag, applied))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Tagged<Arc<Pipeline>>> {
    let id = path.pipeline(&access)?;
    let tag = tag(api.queries.pipeline_revision(&id)?);
    Ok(Tagged(tag, api.queries.get_pipeline(&id)?))
}

pub(crate) async fn delete(
    access: Access,
    path: PathParameters,
    Expected(condition): Expected,
) -> Answer<NoContent> {
    let id = path.pipeline(&access)?;
    access.commands.delete_pipeline(&id, condition).await?;
    Ok(NoContent)
}

pub(crate) async fn status(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<PipelineStatusReport>> {
    Ok(Json(api.queries.pipeline_status(&path.pipeline(&access)?).await?))
}

pub(crate) async fn pause(access: Access, path: PathParameters, body: Content<Pause>) -> Answer<NoContent> {
    let Pause { reason } = body.json()?;
    let reason = reason.unwrap_or_else(|| "paused over the API".to_owned());
    access
        .commands
        .set_paused(&path.pipeline(&access)?, Some(reason))
        .await?;
    Ok(NoContent)
}

pub(crate) async fn resume(
    access: Access,
    path: PathParameters,
    Asked(how): Asked<HowToResume>,
) -> Answer<NoContent> {
    let id = path.pipeline(&access)?;
    Box::pin(access.commands.resume(&id, how.read()?)).await?;
    Ok(NoContent)
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
    body: Content<Rollback>,
) -> Answer<Json<AppliedPipeline>> {
    let Rollback { to, force } = body.json()?;
    let pipeline = path.pipeline(&access)?;
    Ok(Json(access.commands.roll_back(&pipeline, to, force).await?))
}
