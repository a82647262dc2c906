//! Tenants.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tailrace_control::{Queries, command::tenants::TenantRequest, usage::Used};
use tailrace_core::{
    name::Name,
    registry::{Quotas, Tenant},
};

use crate::{
    ApiState,
    access::{Access, Operator},
    input::{Content, PathParameters},
    problem::Answer,
};

/// A tenant as clients see it: its seed is nobody's business.
#[derive(Serialize)]
pub(crate) struct View {
    name: Name,
    read: Vec<String>,
    write: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nats_account: Option<Name>,
    quotas: Quotas,
    /// How much of them is used.
    used: Used,
    created_ms: u64,
}

impl View {
    fn of(tenant: &Tenant, queries: &Queries) -> Answer<Self> {
        Ok(Self {
            used: queries.context().used(&tenant.name)?,
            name: tenant.name.clone(),
            read: tenant.read.clone(),
            write: tenant.write.clone(),
            nats_account: tenant.nats_account.clone(),
            quotas: tenant.quotas.clone(),
            created_ms: tenant.created_ms,
        })
    }
}

pub(crate) async fn list(_: Operator, State(api): State<ApiState>) -> Answer<Json<Vec<View>>> {
    let tenants = api.queries.list_tenants()?;
    let views = tenants.iter().map(|tenant| View::of(tenant, &api.queries));
    Ok(Json(views.collect::<Answer<_>>()?))
}

pub(crate) async fn get(access: Access, State(api): State<ApiState>) -> Answer<Json<View>> {
    let tenant = api.queries.get_tenant(&access.tenant)?;
    Ok(Json(View::of(&tenant, &api.queries)?))
}

pub(crate) async fn put(operator: Operator, path: PathParameters, body: Content) -> Answer<Json<View>> {
    let request: TenantRequest = body.json()?;
    let tenant = operator
        .commands
        .put_tenant(&path.name("tenant")?, request)
        .await?;
    Ok(Json(View::of(&tenant, &operator.queries)?))
}

pub(crate) async fn delete(operator: Operator, path: PathParameters) -> Answer<StatusCode> {
    operator.commands.delete_tenant(&path.name("tenant")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
