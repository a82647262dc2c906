//! Who may do what. A token is looked up by its SHA-256, so no comparison of secrets takes a time that
//! depends on them. Another tenant's path gets the very answer of a path that does not exist.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{header, request::Parts},
};
use tailrace_core::{name::Name, registry::Scope};

use crate::{ApiState, problem::Problem};

/// The bearer is an operator.
pub(crate) struct Operator;

/// The bearer may act for the tenant of the path.
pub(crate) struct Access {
    pub(crate) tenant: Name,
}

impl FromRequestParts<ApiState> for Operator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        match scope(parts, state)? {
            Scope::Operator => Ok(Self),
            Scope::Tenant(_) => Err(Problem::not_found("resource")),
        }
    }
}

impl FromRequestParts<ApiState> for Access {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let scope = scope(parts, state)?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found("tenant"))?;
        let named = params
            .iter()
            .find(|(key, _)| *key == "tenant")
            .map(|(_, value)| Name::new(value));
        let tenant = match named {
            Some(Ok(tenant)) => tenant,
            Some(Err(cause)) if scope == Scope::Operator => {
                return Err(Problem::invalid("invalid-name", cause.to_string()));
            }
            _ => return Err(Problem::not_found("tenant")),
        };
        match scope {
            Scope::Operator => Ok(Self { tenant }),
            Scope::Tenant(own) if own == tenant => Ok(Self { tenant }),
            Scope::Tenant(_) => Err(Problem::not_found("tenant")),
        }
    }
}

/// What the bearer of the request's token may do.
pub(crate) fn scope(parts: &Parts, state: &ApiState) -> Result<Scope, Problem> {
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
    state
        .control
        .authenticate(token)?
        .ok_or_else(Problem::unauthorized)
}
