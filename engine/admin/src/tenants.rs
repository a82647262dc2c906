//! Tenants.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use tailrace_control::{command::tenants::TenantRequest, query::registered::UnreadableTenant, usage::Used};
use tailrace_core::{
    name::Name,
    registry::{Quotas, Tenant},
};

use crate::{
    ApiState,
    access::{Access, Operator},
    answers::{NoContent, Tagged},
    condition::{Expected, tag},
    input::{Content, PathParameters},
    problem::Answer,
};

/// A tenant as clients see it: without what is secret of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tenant")]
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
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleting: bool,
}

impl View {
    fn of(tenant: &Tenant, used: Used) -> Self {
        Self {
            used,
            name: tenant.name.clone(),
            read: tenant.read.clone(),
            write: tenant.write.clone(),
            nats_account: tenant.nats_account.clone(),
            quotas: tenant.quotas.clone(),
            created_ms: tenant.created_ms,
            deleting: tenant.deleting,
        }
    }
}

/// A tenant in a list.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ListedTenant")]
pub(crate) enum Listed {
    Readable(Box<View>),
    /// One whose entry this engine cannot read is there as well.
    Unreadable(UnreadableTenant),
}

pub(crate) async fn list(_: Operator, State(api): State<ApiState>) -> Answer<Json<Vec<Listed>>> {
    let tenants = api.queries.list_tenants()?;
    // Without their streams, for which the broker is asked.
    let readable = tenants.iter().map(|tenant| -> Answer<Listed> {
        let used = api.queries.context().used(&tenant.name)?;
        Ok(Listed::Readable(Box::new(View::of(tenant, used))))
    });
    let unreadable = api.queries.unreadable_tenants()?.into_iter();
    let unreadable = unreadable.map(|tenant| Ok(Listed::Unreadable(tenant)));
    Ok(Json(readable.chain(unreadable).collect::<Answer<_>>()?))
}

pub(crate) async fn get(access: Access, State(api): State<ApiState>) -> Answer<Tagged<View>> {
    let tag = tag(api.queries.tenant_revision(&access.tenant)?);
    let tenant = api.queries.get_tenant(&access.tenant)?;
    let used = api.queries.used_with_streams(&access.tenant).await?;
    Ok(Tagged(tag, View::of(&tenant, used)))
}

pub(crate) async fn put(
    operator: Operator,
    path: PathParameters,
    Expected(condition): Expected,
    body: Content<TenantRequest>,
) -> Answer<Tagged<View>> {
    let request = body.json()?;
    let name = path.name("tenant")?;
    let tenant = operator.commands.put_tenant(&name, request, condition).await?;
    let tag = tag(operator.queries.tenant_revision(&name)?);
    let used = operator.queries.used_with_streams(&name).await?;
    Ok(Tagged(tag, View::of(&tenant, used)))
}

pub(crate) async fn delete(
    operator: Operator,
    path: PathParameters,
    Expected(condition): Expected,
) -> Answer<NoContent> {
    let name = path.name("tenant")?;
    operator.commands.delete_tenant(&name, condition).await?;
    Ok(NoContent)
}
