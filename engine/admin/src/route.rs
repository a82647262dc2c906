//! What a row of the table of routes says.

use axum::{
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use tailrace_core::{codes::ApiCode, registry::Role};

use crate::{
    ApiState,
    access::Audience,
    cached,
    described::{Handled, Spoken},
    document_types::DocumentTypes,
    problem::Problem,
};

/// A route.
pub struct Route {
    /// `GET`, `PUT`, `POST` or `DELETE`.
    pub method: &'static str,
    /// With `{parameters}`.
    pub path: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Who may ask.
    pub audience: Audience,
    /// Kinds of body that it takes; none where it takes no body.
    pub bodies: &'static [&'static str],
    /// Names of the query parameters that it takes.
    pub queries: &'static [&'static str],
    /// Whether it brings data alone, and changes nothing that is registered: the audit log has none of it.
    pub brings_data: bool,
    /// Whether it asks what is committed, so that its answer can be kept until the next commit.
    pub(crate) is_query: bool,
    /// What its handler's types say.
    pub(crate) describe: fn(&mut DocumentTypes) -> Spoken,
    handler: MethodRouter<ApiState>,
}

impl Route {
    /// One of a tenant's own: reading needs the role read, changing needs deploy.
    pub(crate) fn own(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        handled: Handled,
    ) -> Self {
        let role = if method == "GET" { Role::Read } else { Role::Deploy };
        Self::new(Audience::Tenant(role), method, path, summary, handled)
    }

    /// One that takes neither body nor query parameters.
    pub(crate) fn new(
        audience: Audience,
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        handled: Handled,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            audience,
            bodies: &[],
            queries: &[],
            brings_data: false,
            is_query: false,
            describe: handled.describe,
            handler: handled.router,
        }
    }

    /// Takes JSON.
    pub(crate) fn takes_json(self) -> Self {
        self.takes(&["application/json"])
    }

    /// Takes these kinds of body.
    pub(crate) fn takes(self, bodies: &'static [&'static str]) -> Self {
        Self { bodies, ..self }
    }

    /// Takes these query parameters.
    pub(crate) fn asks(self, queries: &'static [&'static str]) -> Self {
        Self { queries, ..self }
    }

    /// Brings data alone.
    pub(crate) fn of_data(self) -> Self {
        Self {
            brings_data: true,
            ..self
        }
    }

    /// Reads what is committed, so its answer can be kept until the next commit.
    pub(crate) fn of_what_is_committed(self) -> Self {
        Self {
            is_query: true,
            ..self
        }
    }

    /// Its handler, behind the cache where that is right. One that reads no query parameters refuses any.
    pub(crate) fn handler(self, state: &ApiState) -> MethodRouter<ApiState> {
        let takes_none = self.queries.is_empty() && self.path.starts_with("/v1/");
        let handler = if self.is_query {
            let cached = middleware::from_fn_with_state(state.clone(), cached::answer);
            self.handler.layer(cached)
        } else {
            self.handler
        };
        if takes_none {
            handler.layer(middleware::from_fn(ask_nothing))
        } else {
            handler
        }
    }
}

async fn ask_nothing(request: Request, next: Next) -> Response {
    match request.uri().query() {
        None | Some("") => next.run(request).await,
        Some(_) => {
            let detail = "this route takes no query parameters; leave out what follows the question mark";
            Problem::invalid(ApiCode::InvalidQuery, detail).into_response()
        }
    }
}
