//! What is not as it should be, and mending it: for operators.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use tailrace_control::doctor::finding::{Examination, Mended};

use crate::{access::Operator, problem::Answer};

/// What was mended, and what is left.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Treated {
    mended: Vec<Mended>,
    #[serde(flatten)]
    left: Examination,
}

pub(crate) async fn examine(operator: Operator) -> Answer<Json<Examination>> {
    Ok(Json(operator.queries.examine().await?))
}

pub(crate) async fn fix(operator: Operator) -> Answer<Json<Treated>> {
    let found = operator.queries.examine().await?;
    let mended = operator.commands.mend(found).await?;
    let left = operator.queries.examine().await?;
    Ok(Json(Treated { mended, left }))
}
