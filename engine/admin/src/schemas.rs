//! Schemas: push, list, show, check, delete, what new versions are compared with, and which subjects are bound to them.

use std::sync::Arc;

use axum::{Json, extract::State};
use tailrace_control::{
    command::{
        schema_rules::{BoundSchema, SchemaRuleRequest},
        schemas::{CompatibilityRequest, SchemaRequest},
    },
    query::{
        schema_uses::SchemaUses,
        schemas::{Report, ShownSchema},
    },
};
use tailrace_core::registry::{Schema, SchemaRule, SchemaVersion};

use crate::{
    ApiState,
    access::Access,
    answers::{Kept, NoContent},
    input::{Content, PathParameters},
    problem::{Answer, Problem},
};

/// The last version, whichever that is.
const LATEST: &str = "latest";

fn number(path: &PathParameters) -> Answer<u32> {
    u32::try_from(path.number("number")?).map_err(|_| Problem::not_found("number"))
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<ShownSchema>>> {
    Ok(Json(api.queries.list_schemas(&access.tenant)?))
}

pub(crate) async fn show(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<ShownSchema>> {
    Ok(Json(
        api.queries.get_schema(&access.tenant, &path.name("schema")?)?,
    ))
}

pub(crate) async fn version(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<Arc<SchemaVersion>>> {
    let wanted = if path.text("number") == LATEST {
        None
    } else {
        Some(number(&path)?)
    };
    let name = path.name("schema")?;
    Ok(Json(api.queries.get_schema_version(
        &access.tenant,
        &name,
        wanted,
    )?))
}

pub(crate) async fn push(
    access: Access,
    path: PathParameters,
    body: Content<SchemaRequest>,
) -> Answer<Kept<Arc<SchemaVersion>>> {
    let request = body.json()?;
    let name = path.name("schema")?;
    let (version, is_new) = access
        .commands
        .push_schema(&access.tenant, &name, request)
        .await?;
    Ok(Kept {
        is_new,
        content: version,
    })
}

pub(crate) async fn check(
    access: Access,
    path: PathParameters,
    body: Content<SchemaRequest>,
) -> Answer<Json<Report>> {
    let request = body.json()?;
    let name = path.name("schema")?;
    Ok(Json(
        access
            .commands
            .check_schema(&access.tenant, &name, request)
            .await?,
    ))
}

pub(crate) async fn compatibility(
    access: Access,
    path: PathParameters,
    body: Content<CompatibilityRequest>,
) -> Answer<Json<Schema>> {
    let CompatibilityRequest { compatibility } = body.json()?;
    let name = path.name("schema")?;
    let schema = access
        .commands
        .set_compatibility(&access.tenant, &name, compatibility)
        .await?;
    Ok(Json(schema))
}

pub(crate) async fn delete_version(access: Access, path: PathParameters) -> Answer<NoContent> {
    let (name, number) = (path.name("schema")?, number(&path)?);
    access
        .commands
        .delete_schema_version(&access.tenant, &name, number)
        .await?;
    Ok(NoContent)
}

pub(crate) async fn delete(access: Access, path: PathParameters) -> Answer<NoContent> {
    access
        .commands
        .delete_schema(&access.tenant, &path.name("schema")?)
        .await?;
    Ok(NoContent)
}

pub(crate) async fn uses(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<SchemaUses>> {
    let name = path.name("schema")?;
    Ok(Json(api.queries.schema_uses(&access.tenant, &name)?))
}

pub(crate) async fn rules(access: Access) -> Answer<Json<Vec<SchemaRule>>> {
    Ok(Json(access.commands.schema_rules(&access.tenant)?))
}

pub(crate) async fn bind(
    access: Access,
    path: PathParameters,
    body: Content<SchemaRuleRequest>,
) -> Answer<Kept<BoundSchema>> {
    let request = body.json()?;
    let (bound, is_new) = access
        .commands
        .bind_schema(&access.tenant, path.text("subject"), request)
        .await?;
    Ok(Kept {
        is_new,
        content: bound,
    })
}

pub(crate) async fn unbind(access: Access, path: PathParameters) -> Answer<NoContent> {
    access
        .commands
        .unbind_schema(&access.tenant, path.text("subject"))
        .await?;
    Ok(NoContent)
}
