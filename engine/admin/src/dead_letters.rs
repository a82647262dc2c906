//! Dead letters: look, and send again.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_control::query::dead_letters::MAX_PAGE;
use tailrace_core::dead_letter::DeadLetter;

use crate::{
    ApiState,
    access::Access,
    answers::Begun,
    input::{Asked, PathParameters, page_of},
    problem::Answer,
};

/// Letters of a page where the client does not say how many.
const PAGE: usize = 50;

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
    let limit = page_of(page.limit, PAGE, MAX_PAGE)?;
    Ok(Json(
        api.queries.dead_letters(&pipeline, page.after, limit).await?,
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

/// What became of a request to send a dead letter again.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RedriveReport {
    /// Whether this request has sent it; `false` where another one had done that before.
    sent: bool,
}

pub(crate) async fn redrive(access: Access, path: PathParameters) -> Answer<Begun<RedriveReport>> {
    let pipeline = path.pipeline(&access)?;
    let sent = access.commands.redrive(&pipeline, path.number("letter")?).await?;
    Ok(Begun(RedriveReport { sent }))
}
