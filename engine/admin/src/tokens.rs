//! Tokens of a tenant, and of operators: make, list, revoke. The token itself is in one answer only, that to its making.

use axum::{Json, extract::State, http::StatusCode};
use tailrace_control::{
    command::tokens::{NewToken, TokenRequest},
    query::tokens::ShownToken,
};

use crate::{
    ApiState,
    access::{Access, Operator},
    input::{Content, PathParameters},
    problem::Answer,
};

pub(crate) async fn make(access: Access, body: Content) -> Answer<(StatusCode, Json<NewToken>)> {
    let request: TokenRequest = body.json()?;
    let made = access.commands.create_token(&access.tenant, request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<ShownToken>>> {
    Ok(Json(api.queries.list_tokens(&access.tenant)?))
}

pub(crate) async fn revoke(access: Access, path: PathParameters) -> Answer<StatusCode> {
    access
        .commands
        .revoke_token(&access.tenant, path.text("token"))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn make_operators(
    operator: Operator,
    body: Content,
) -> Answer<(StatusCode, Json<NewToken>)> {
    let request: TokenRequest = body.json()?;
    let made = operator.commands.create_operator_token(request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(crate) async fn list_operators(operator: Operator) -> Answer<Json<Vec<ShownToken>>> {
    Ok(Json(operator.queries.list_operator_tokens()?))
}

pub(crate) async fn revoke_operators(operator: Operator, path: PathParameters) -> Answer<StatusCode> {
    operator
        .commands
        .revoke_operator_token(path.text("token"))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
