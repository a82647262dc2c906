//! Tokens of a tenant, and of operators: make, list, revoke. The token itself is in one answer only, that to its making.

use axum::{Json, extract::State};
use tailrace_control::{
    command::tokens::{NewToken, TokenRequest},
    query::tokens::ShownToken,
};

use crate::{
    ApiState,
    access::{Access, Operator},
    answers::{Created, NoContent},
    input::{Content, PathParameters},
    problem::Answer,
};

pub(crate) async fn make(access: Access, body: Content<TokenRequest>) -> Answer<Created<NewToken>> {
    let request = body.json()?;
    let made = access.commands.create_token(&access.tenant, request).await?;
    Ok(Created(made))
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<ShownToken>>> {
    Ok(Json(api.queries.list_tokens(&access.tenant)?))
}

pub(crate) async fn revoke(access: Access, path: PathParameters) -> Answer<NoContent> {
    access
        .commands
        .revoke_token(&access.tenant, path.text("token"))
        .await?;
    Ok(NoContent)
}

pub(crate) async fn make_operators(
    operator: Operator,
    body: Content<TokenRequest>,
) -> Answer<Created<NewToken>> {
    let request = body.json()?;
    let made = operator.commands.create_operator_token(request).await?;
    Ok(Created(made))
}

pub(crate) async fn list_operators(operator: Operator) -> Answer<Json<Vec<ShownToken>>> {
    Ok(Json(operator.queries.list_operator_tokens()?))
}

pub(crate) async fn revoke_operators(operator: Operator, path: PathParameters) -> Answer<NoContent> {
    operator
        .commands
        .revoke_operator_token(path.text("token"))
        .await?;
    Ok(NoContent)
}
