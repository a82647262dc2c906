//! Dead letters: look, and send again.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use tailrace_core::pipeline::dead_letter::DeadLetter;

use crate::{
    ApiState,
    access::Access,
    input::{Asked, Place},
    problem::Answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    limit: Option<usize>,
}

pub(crate) async fn list(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
    Asked(page): Asked<Page>,
) -> Answer<Json<Vec<DeadLetter>>> {
    let pipeline = place.pipeline(&access)?;
    Ok(Json(
        api.control
            .dead_letters(&pipeline, page.after, page.limit.unwrap_or(50))
            .await?,
    ))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    place: Place,
) -> Answer<Json<DeadLetter>> {
    let pipeline = place.pipeline(&access)?;
    Ok(Json(
        api.control
            .dead_letter(&pipeline, place.number("letter")?)
            .await?,
    ))
}

pub(crate) async fn redrive(access: Access, place: Place) -> Answer<StatusCode> {
    let pipeline = place.pipeline(&access)?;
    access.control.redrive(&pipeline, place.number("letter")?).await?;
    Ok(StatusCode::ACCEPTED)
}
