//! Which token may do what. A token is looked up by its SHA-256, so no comparison of secrets takes a time that
//! depends on them. Another tenant's path gets the same answer as a path that does not exist.
//!
//! The table of routes alone says what a route needs. The router attaches its [`Audience`] to each request,
//! and [`Access`] checks the token against it. A route without an audience needs the highest role. A handler
//! that changes something uses the `control` that it finds here, which knows the bearer.
//!
//! Why: docs/decisions/0039-rights-in-the-table-of-routes.md

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{header, request::Parts},
};
use tailrace_control::{
    Commands, ControlError, Queries,
    query::tokens::{Bearer, OwnToken},
};
use tailrace_core::{
    codes::ApiCode,
    name::Name,
    registry::{Role, Scope},
};

use crate::{ApiState, described::Takes, problem::Problem};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, without a token.
    Public,
    /// Everybody with a token that is valid, whatever it allows.
    Bearer,
    /// Operators, with a token of this role at least.
    Operator(Role),
    /// The tenant of the path, and operators, with a token of this role at least.
    Tenant(Role),
}

/// Whoever bears a valid token: what it is.
pub(crate) struct Anybody(pub(crate) OwnToken);

/// The bearer is an operator, of the role that the route needs.
pub(crate) struct Operator {
    /// In the bearer's name.
    pub(crate) commands: Commands,
    pub(crate) queries: Queries,
}

/// The bearer may act for the tenant of the path, as the route needs it.
pub(crate) struct Access {
    pub(crate) tenant: Name,
    /// Whether the bearer is an operator.
    pub(crate) is_operators: bool,
    /// In the bearer's name.
    pub(crate) commands: Commands,
    pub(crate) queries: Queries,
    /// For what lasts longer than the request.
    pub(crate) right: Right,
}

/// The right by which something was asked for, to be looked at again while it lasts.
#[derive(Clone)]
pub(crate) struct Right {
    queries: Queries,
    token: String,
    tenant: Name,
    needed: Role,
}

impl Right {
    /// Whether the token is still good for it.
    pub(crate) fn holds(&self) -> bool {
        let bearer = self.queries.authenticate(&self.token).ok().flatten();
        bearer.is_some_and(|bearer| match bearer.scope {
            Scope::Tenant { name, role } => name == self.tenant && role >= self.needed,
            Scope::Operator(role) => role >= self.needed,
        })
    }
}

impl Takes for Anybody {}
impl Takes for Operator {}
impl Takes for Access {}

impl FromRequestParts<ApiState> for Anybody {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let found = state.queries.own_token(token(parts)?)?;
        found.map(Self).ok_or_else(Problem::unauthorized)
    }
}

impl FromRequestParts<ApiState> for Operator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let Bearer { scope, actor } = bearer(parts, state)?;
        match scope {
            Scope::Operator(role) => {
                demand(role, needed(parts))?;
                Ok(Self {
                    commands: state.commands.on_behalf_of(actor),
                    queries: state.queries.clone(),
                })
            }
            Scope::Tenant { .. } => Err(Problem::not_found("resource")),
        }
    }
}

impl FromRequestParts<ApiState> for Access {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let Bearer { scope, actor } = bearer(parts, state)?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found("tenant"))?;
        let named = params
            .iter()
            .find(|(key, _)| *key == "tenant")
            .map(|(_, value)| Name::new(value));
        let tenant = match named {
            Some(Ok(tenant)) => tenant,
            Some(Err(cause)) if matches!(scope, Scope::Operator(_)) => {
                return Err(Problem::invalid(ApiCode::InvalidName, cause.to_string()));
            }
            _ => return Err(Problem::not_found("tenant")),
        };
        let role = match &scope {
            Scope::Tenant { name, .. } if *name != tenant => return Err(Problem::not_found("tenant")),
            Scope::Tenant { role, .. } | Scope::Operator(role) => *role,
        };
        let needed = needed(parts);
        demand(role, needed)?;
        Ok(Self {
            right: Right {
                queries: state.queries.clone(),
                token: token(parts)?.to_owned(),
                tenant: tenant.clone(),
                needed,
            },
            tenant,
            is_operators: matches!(scope, Scope::Operator(_)),
            commands: state.commands.on_behalf_of(actor),
            queries: state.queries.clone(),
        })
    }
}

/// The role that the route needs.
fn needed(parts: &Parts) -> Role {
    match parts.extensions.get::<Audience>() {
        Some(Audience::Tenant(role) | Audience::Operator(role)) => *role,
        _ => Role::Admin,
    }
}

fn demand(role: Role, needed: Role) -> Result<(), Problem> {
    if role >= needed {
        return Ok(());
    }
    let (own, needed) = (role.as_str(), needed.as_str());
    let why = format!("this needs a token of scope {needed}, and this one is of scope {own}");
    Err(ControlError::Forbidden(why).into())
}

/// The bearer of the request's token.
pub(crate) fn bearer(parts: &Parts, state: &ApiState) -> Result<Bearer, Problem> {
    let token = token(parts)?;
    state
        .queries
        .authenticate(token)?
        .ok_or_else(Problem::unauthorized)
}

/// The request's token, whatever it is good for.
fn token(parts: &Parts) -> Result<&str, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    // Two headers are a trick, not a token.
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthorized());
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(Problem::unauthorized)?;
    // The scheme may be written in any case (RFC 9110, section 11.1).
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthorized());
    }
    Ok(token)
}
