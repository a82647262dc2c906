//! Schemas: push, list, show, check, delete, and what new versions are compared with.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tailrace_control::{
    command::schemas::{CompatibilityRequest, SchemaRequest},
    query::schemas::{Report, ShownSchema},
};
use tailrace_core::registry::{Schema, SchemaVersion};

use crate::{
    ApiState,
    access::Access,
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
    body: Content,
) -> Answer<(StatusCode, Json<Arc<SchemaVersion>>)> {
    let request: SchemaRequest = body.json()?;
    let name = path.name("schema")?;
    let (version, is_new) = access
        .commands
        .push_schema(&access.tenant, &name, request)
        .await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(version)))
}

pub(crate) async fn check(access: Access, path: PathParameters, body: Content) -> Answer<Json<Report>> {
    let request: SchemaRequest = body.json()?;
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
    body: Content,
) -> Answer<Json<Schema>> {
    let CompatibilityRequest { compatibility } = body.json()?;
    let name = path.name("schema")?;
    let schema = access
        .commands
        .set_compatibility(&access.tenant, &name, compatibility)
        .await?;
    Ok(Json(schema))
}

pub(crate) async fn delete_version(access: Access, path: PathParameters) -> Answer<StatusCode> {
    let (name, number) = (path.name("schema")?, number(&path)?);
    access
        .commands
        .delete_schema_version(&access.tenant, &name, number)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(access: Access, path: PathParameters) -> Answer<StatusCode> {
    access
        .commands
        .delete_schema(&access.tenant, &path.name("schema")?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
