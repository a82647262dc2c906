//! The audit log: who changed what, newest first.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_control::query::audit::MAX_PAGE;
use tailrace_core::ports::audit::{Audited, Whose};

use crate::{
    ApiState,
    access::{Access, Operator},
    input::{Asked, PAGE, page_of},
    problem::Answer,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPage {
    /// PathParameters in the log before which the page ends: the lowest `sequence` of the page before.
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn all(
    _: Operator,
    State(api): State<ApiState>,
    Asked(page): Asked<AuditPage>,
) -> Answer<Json<Vec<Audited>>> {
    let limit = page_of(page.limit, PAGE, MAX_PAGE)?;
    Ok(Json(
        api.queries.audit(Whose::Anybodys, page.before, limit).await?,
    ))
}

pub(crate) async fn of_tenant(
    access: Access,
    State(api): State<ApiState>,
    Asked(page): Asked<AuditPage>,
) -> Answer<Json<Vec<Audited>>> {
    let limit = page_of(page.limit, PAGE, MAX_PAGE)?;
    let (tenant, before) = (&access.tenant, page.before);
    // An operator looks for what was done under a name, whoever bore it.
    let records = if access.is_operators {
        api.queries.audit(Whose::Name(tenant), before, limit).await?
    } else {
        api.queries.audit_of(tenant, before, limit).await?
    };
    Ok(Json(records))
}
