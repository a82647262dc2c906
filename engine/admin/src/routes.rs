//! The table of all routes. The router, the OpenAPI description and the access tests are made from
//! it, so none of them can miss one.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use tailrace_core::registry::Role;

use crate::{
    ApiState, audit, candidates, dead_letters, graph,
    input::{MAX_BODY_BYTES, MAX_PLUGIN_BYTES},
    limit::{Limits, hold_back},
    openapi, pipelines, plugins, probes,
    problem::Problem,
    queries, sketches, tenants, tokens, views,
};

/// What a route takes that takes JSON.
const JSON: &[&str] = &["application/json"];

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, without a token.
    Public,
    /// Operators.
    Operator,
    /// The tenant of the path, with a token of this role at least, and operators.
    Tenant(Role),
}

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
    handler: MethodRouter<ApiState>,
}

impl Route {
    fn takes(self, bodies: &'static [&'static str]) -> Self {
        Self { bodies, ..self }
    }

    fn asks(self, queries: &'static [&'static str]) -> Self {
        Self { queries, ..self }
    }
}

/// Every route there is.
pub fn routes() -> Vec<Route> {
    let tenant = "/v1/tenants/{tenant}";
    let plugin = "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}";
    macro_rules! pipeline {
        ($rest:literal) => {
            concat!("/v1/tenants/{tenant}/pipelines/{pipeline}", $rest)
        };
    }
    let route = |audience, method, path, summary, handler| Route {
        method,
        path,
        summary,
        audience,
        bodies: &[],
        queries: &[],
        handler,
    };
    let public = |method, path, summary, handler| route(Audience::Public, method, path, summary, handler);
    let operator = |method, path, summary, handler| route(Audience::Operator, method, path, summary, handler);
    // Who looks needs to read, who changes to deploy.
    let own = |method, path, summary, handler| {
        let role = if method == "GET" { Role::Read } else { Role::Deploy };
        route(Audience::Tenant(role), method, path, summary, handler)
    };
    let admin =
        |method, path, summary, handler| route(Audience::Tenant(Role::Admin), method, path, summary, handler);
    vec![
        public(
            "GET",
            "/healthz",
            "whether the process lives",
            get(probes::health),
        ),
        public(
            "GET",
            "/readyz",
            "whether the engine can serve",
            get(probes::ready),
        ),
        public("GET", "/openapi.json", "this description", get(openapi::describe)),
        public(
            "GET",
            "/v1/schemas/pipeline.json",
            "JSON Schema of a pipeline",
            get(openapi::pipeline_schema),
        ),
        operator("GET", "/metrics", "metrics for Prometheus", get(probes::metrics)),
        operator("GET", "/v1/tenants", "all tenants", get(tenants::list)),
        operator(
            "PUT",
            tenant,
            "make a tenant, or change its grants",
            put(tenants::put),
        )
        .takes(JSON),
        own("GET", tenant, "a tenant", get(tenants::get)),
        operator(
            "DELETE",
            tenant,
            "delete a tenant without pipelines",
            delete(tenants::delete),
        ),
        operator(
            "GET",
            "/v1/audit",
            "who changed what, newest first",
            get(audit::all),
        )
        .asks(&["before", "limit"]),
        own(
            "GET",
            "/v1/tenants/{tenant}/audit",
            "who changed what of a tenant, newest first",
            get(audit::of_tenant),
        )
        .asks(&["before", "limit"]),
        admin(
            "GET",
            "/v1/tenants/{tenant}/tokens",
            "a tenant's tokens, without their secrets",
            get(tokens::list),
        ),
        admin(
            "POST",
            "/v1/tenants/{tenant}/tokens",
            "a new token, shown once",
            post(tokens::make),
        )
        .takes(JSON),
        admin(
            "DELETE",
            "/v1/tenants/{tenant}/tokens/{token}",
            "end a token at once",
            delete(tokens::revoke),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/plugins",
            "all plugin versions",
            get(plugins::list),
        ),
        own(
            "PUT",
            plugin,
            "upload a plugin version",
            put(plugins::upload).layer(DefaultBodyLimit::max(MAX_PLUGIN_BYTES)),
        )
        .takes(&["application/wasm", "multipart/form-data"]),
        own("GET", plugin, "a plugin version", get(plugins::describe)),
        own(
            "GET",
            "/v1/tenants/{tenant}/pipelines",
            "all pipelines",
            get(pipelines::list),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/graph",
            "all pipelines and what feeds what, as a picture",
            get(graph::of_tenant),
        )
        .asks(&["format", "detail"]),
        own(
            "PUT",
            pipeline!(""),
            "apply a pipeline (YAML or JSON)",
            put(pipelines::apply),
        )
        .takes(&["application/yaml", "application/json"])
        .asks(&[
            "force",
            "shadow",
            "canary",
            "max-error-ratio",
            "max-p99",
            "min-events",
        ]),
        own(
            "GET",
            pipeline!(""),
            "a pipeline and its active revision",
            get(pipelines::show),
        ),
        own(
            "DELETE",
            pipeline!(""),
            "delete a pipeline, its state and its outputs",
            delete(pipelines::delete),
        ),
        own(
            "GET",
            pipeline!("/status"),
            "what a pipeline is doing",
            get(pipelines::status),
        ),
        own(
            "GET",
            pipeline!("/graph"),
            "a pipeline's flow as a picture",
            get(graph::of_pipeline),
        )
        .asks(&["format"]),
        own(
            "GET",
            pipeline!("/tap"),
            "samples of a pipeline's calls, as server-sent events",
            get(views::tap),
        )
        .asks(&["step", "key", "limit"]),
        own(
            "GET",
            pipeline!("/logs"),
            "lines of a pipeline's plugins: the last ones, or as server-sent events",
            get(views::logs),
        )
        .asks(&["follow", "lines"]),
        own(
            "POST",
            pipeline!("/pause"),
            "pause a pipeline",
            post(pipelines::pause),
        )
        .takes(JSON),
        own(
            "POST",
            pipeline!("/resume"),
            "let a pipeline go on",
            post(pipelines::resume),
        ),
        own(
            "GET",
            pipeline!("/revisions"),
            "numbers of the kept revisions",
            get(pipelines::revisions),
        ),
        own(
            "GET",
            pipeline!("/revisions/{revision}"),
            "a revision",
            get(pipelines::revision),
        ),
        own(
            "POST",
            pipeline!("/rollback"),
            "make an earlier revision active again",
            post(pipelines::roll_back),
        )
        .takes(JSON),
        own(
            "GET",
            pipeline!("/candidate"),
            "the revision that runs beside the active one, and what was found of it",
            get(candidates::show),
        ),
        own(
            "DELETE",
            pipeline!("/candidate"),
            "end the revision that runs beside the active one",
            delete(candidates::abandon),
        ),
        own(
            "POST",
            pipeline!("/candidate/promote"),
            "make the revision that runs beside the active one active",
            post(candidates::promote),
        ),
        own(
            "GET",
            pipeline!("/steps/{step}/state"),
            "state entries by prefix",
            get(queries::scan),
        )
        .asks(&["prefix", "after", "limit"]),
        own(
            "GET",
            pipeline!("/steps/{step}/state/{key}"),
            "a state entry",
            get(queries::state),
        ),
        own(
            "GET",
            pipeline!("/vectors/{collection}/{id}"),
            "a vector",
            get(queries::vector),
        ),
        own(
            "GET",
            pipeline!("/sketches"),
            "all sketches",
            get(sketches::sketches),
        ),
        own(
            "GET",
            pipeline!("/sketches/{sketch}"),
            "a sketch, with its bound",
            get(sketches::sketch),
        )
        .asks(&["q", "item", "from", "to", "by", "group", "rest"]),
        own(
            "GET",
            pipeline!("/dead-letters"),
            "dead letters, oldest first",
            get(dead_letters::list),
        )
        .asks(&["after", "limit"]),
        own(
            "GET",
            pipeline!("/dead-letters/{letter}"),
            "a dead letter",
            get(dead_letters::show),
        ),
        own(
            "POST",
            pipeline!("/dead-letters/{letter}/redrive"),
            "send a dead letter again",
            post(dead_letters::redrive),
        ),
    ]
}

/// The API.
pub fn router(state: ApiState) -> Router {
    let deadline = state.options.request_deadline;
    let limits = (Limits::new(state.options.rates), state.clone());
    let table = routes().into_iter().fold(Router::new(), |router, route| {
        // What it needs lies beside each request: see `access`.
        router.route(route.path, route.handler.layer(Extension(route.audience)))
    });
    table
        .fallback(|| async { Problem::not_found("route; /openapi.json lists them all") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this route does not take this method",
            )
        })
        // A body that drips in must not hold a handler for ever.
        .layer(middleware::from_fn_with_state(deadline, within))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(limits, hold_back))
        // Outermost, so that every answer can be found in the log.
        .layer(middleware::from_fn(identify))
        .with_state(state)
}

async fn within(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the request took too long",
        )
        .into_response(),
    }
}

async fn identify(request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::debug!(id, %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("tr-request-id"), HeaderValue::from(id));
    // What a plugin wrote is served as it is; no browser may take it for something else.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
