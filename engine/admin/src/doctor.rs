//! What is not as it should be, and mending it: for operators.

use axum::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_control::doctor::finding::{Examination, Mended};

use crate::{access::Operator, input::Asked, problem::Answer};

/// What was mended, and what is left.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Treated {
    mended: Vec<Mended>,
    #[serde(flatten)]
    left: Examination,
}

/// What is to be mended beside the rest.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HowToFix {
    /// Where the registry is lost: to go on without it, and to delete all that only the lost one knew.
    #[serde(default)]
    accept_registry_loss: bool,
}

pub(crate) async fn examine(operator: Operator) -> Answer<Json<Examination>> {
    Ok(Json(operator.queries.examine().await?))
}

pub(crate) async fn fix(operator: Operator, Asked(how): Asked<HowToFix>) -> Answer<Json<Treated>> {
    if how.accept_registry_loss {
        operator.commands.accept_registry_loss().await?;
    }
    let found = operator.queries.examine().await?;
    let mended = operator.commands.mend(found).await?;
    let left = operator.queries.examine().await?;
    Ok(Json(Treated { mended, left }))
}
