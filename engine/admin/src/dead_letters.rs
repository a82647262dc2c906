//! Dead letters: look, and send again.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_core::dead_letter::DeadLetter;

use crate::{
    ApiState,
    access::Access,
    answers::Accepted,
    input::{Asked, PathParameters},
    problem::Answer,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLetterPage {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    limit: Option<usize>,
}

pub(crate) async fn list(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(page): Asked<DeadLetterPage>,
) -> Answer<Json<Vec<DeadLetter>>> {
    let pipeline = path.pipeline(&access)?;
    Ok(Json(
        api.queries
            .dead_letters(&pipeline, page.after, page.limit.unwrap_or(50))
            .await?,
    ))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<DeadLetter>> {
    let pipeline = path.pipeline(&access)?;
    Ok(Json(
        api.queries.dead_letter(&pipeline, path.number("letter")?).await?,
    ))
}

pub(crate) async fn redrive(access: Access, path: PathParameters) -> Answer<Accepted> {
    let pipeline = path.pipeline(&access)?;
    access.commands.redrive(&pipeline, path.number("letter")?).await?;
    Ok(Accepted)
}
