//! Tenants.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use tailrace_core::{
    control::access::TenantRequest,
    name::Name,
    registry::{Quotas, Tenant},
};

use crate::{
    ApiState,
    access::{Access, Operator},
    input::{Content, Place},
    problem::Answer,
};

/// A tenant as clients see it: its seed is nobody's business.
#[derive(Serialize)]
pub(crate) struct View {
    name: Name,
    read: Vec<String>,
    write: Vec<String>,
    quotas: Quotas,
    created_ms: u64,
}

impl From<&Tenant> for View {
    fn from(tenant: &Tenant) -> Self {
        Self {
            name: tenant.name.clone(),
            read: tenant.read.clone(),
            write: tenant.write.clone(),
            quotas: tenant.quotas.clone(),
            created_ms: tenant.created_ms,
        }
    }
}

pub(crate) async fn list(_: Operator, State(api): State<ApiState>) -> Answer<Json<Vec<View>>> {
    Ok(Json(
        api.control
            .list_tenants()?
            .iter()
            .map(|tenant| View::from(&**tenant))
            .collect(),
    ))
}

pub(crate) async fn get(access: Access, State(api): State<ApiState>) -> Answer<Json<View>> {
    Ok(Json(View::from(&*api.control.get_tenant(&access.tenant)?)))
}

pub(crate) async fn put(operator: Operator, place: Place, body: Content) -> Answer<Json<View>> {
    let request: TenantRequest = body.json()?;
    let tenant = operator
        .control
        .put_tenant(&place.name("tenant")?, request)
        .await?;
    Ok(Json(View::from(&*tenant)))
}

pub(crate) async fn delete(operator: Operator, place: Place) -> Answer<StatusCode> {
    operator.control.delete_tenant(&place.name("tenant")?).await?;
    Ok(StatusCode::NO_CONTENT)
}
