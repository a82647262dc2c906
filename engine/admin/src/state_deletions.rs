//! Deleting state: give the order, and look how far it has come.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use tailrace_control::query::state_deletion::StateDeletionReport;
use tailrace_core::state_deletion::Keys;

use crate::{
    ApiState,
    access::Access,
    answers::Begun,
    input::{Content, PathParameters},
    problem::Answer,
};

/// An order that was given.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StateDeletionAnswer {
    /// The number under which its outcome is asked for.
    number: u64,
}

pub(crate) async fn order(
    access: Access,
    path: PathParameters,
    body: Content<Keys>,
) -> Answer<Begun<StateDeletionAnswer>> {
    let (pipeline, keys) = (path.pipeline(&access)?, body.json()?);
    let number = access
        .commands
        .delete_state(&pipeline, path.text("step"), keys)
        .await?;
    Ok(Begun(StateDeletionAnswer { number }))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<StateDeletionReport>> {
    let pipeline = path.pipeline(&access)?;
    let report = api.queries.state_deletion(&pipeline, path.number("number")?);
    Ok(Json(report.await?))
}
